"""One step type per file, and the table of them."""
