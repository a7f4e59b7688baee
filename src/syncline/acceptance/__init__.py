"""The acceptance run: the agreement as a checklist, tried on live systems with records that are made for it."""
