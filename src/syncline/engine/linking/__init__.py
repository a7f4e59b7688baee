"""Match: which records are the same, and which only may be."""
