"""The two systems as real local HTTP servers, to try and test against without an account anywhere."""
