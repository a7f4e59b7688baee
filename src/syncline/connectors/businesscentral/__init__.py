"""Business Central through its API v2.0: what it is made of, and the connector to it."""
