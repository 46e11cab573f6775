"""Faults on purpose: which requests they are done to and when, and what each of them does."""
