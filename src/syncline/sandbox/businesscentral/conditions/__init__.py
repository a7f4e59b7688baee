"""What a client meets on a bad day: faults, limits, a replica that lags."""
