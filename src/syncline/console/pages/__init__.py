"""A module a page: what is asked of it, and what is shown."""
