"""One step type a file, and the written-out ACTIONS table."""
