"""Where YAML ends: scenarios that are async functions, and the `python` step."""
