"""User text to compiled callables: templates, JSON paths, conditions, durations, thresholds."""
