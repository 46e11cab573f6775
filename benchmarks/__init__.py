"""Measurements of our own cost. Run with `make bench`."""
