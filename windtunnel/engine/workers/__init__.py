"""Worker processes, and what they and the coordinator send each other."""
