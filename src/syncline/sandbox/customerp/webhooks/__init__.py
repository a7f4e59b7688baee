"""Webhooks: who is told of changes, and telling them, signed as the Standard Webhooks specification has it."""
