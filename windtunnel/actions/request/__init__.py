"""Compiled requests of `http` and `wait` steps: target, headers, body, retries and pauses."""
