"""Engines outside of our process that do faults: one a file, and the table of them."""
