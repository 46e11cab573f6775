"""Frozen data: plans, records, summaries, verdicts. Imports nothing else of the package but errors and figures."""
