"""Customerp, the reference ERP: a JSON API that stands for whatever system a user has, as a real local server."""
