"""The faults of the embedded proxy."""
