"""One step type a file, and the table of them."""
