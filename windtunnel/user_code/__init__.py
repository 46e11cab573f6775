"""The user's own Python: scenarios that are functions, functions that are steps, and the files they are in."""
