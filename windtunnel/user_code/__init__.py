"""The user's own Python: scenarios that are functions, and functions that are steps, found in their files."""
