"""Requests of `http` and `wait` steps, compiled: target, headers, body, retries and pauses."""
