"""Webhooks: who subscribed to which entity set, what changed in it, and telling them."""
