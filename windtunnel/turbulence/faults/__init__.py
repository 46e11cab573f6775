"""The faults on our own requests: one a file, and the table of them."""
