"""The judgement of a response: checks, extraction, and the outcome of both."""
