"""The run directory and its records: written through, readable after any crash."""
