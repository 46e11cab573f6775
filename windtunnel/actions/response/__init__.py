"""What a step makes of a response: checks, extraction, and the outcome of both."""
