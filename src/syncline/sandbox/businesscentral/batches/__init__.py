"""``$batch``: operations in one request, in two formats."""
