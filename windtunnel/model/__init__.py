"""Frozen data: what the user wrote, what happened, what it is worth. Knows nothing of the rest of the house."""
