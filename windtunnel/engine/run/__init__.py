"""One run from its preflight to its last record."""
