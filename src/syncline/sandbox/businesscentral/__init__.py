"""Business Central's API v2.0 as a real local HTTP server: sets are data, what one does of its own is its rules."""
