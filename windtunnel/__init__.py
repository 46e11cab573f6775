"""Windtunnel runs realistic user journeys against a service and answers with one honest verdict."""

__version__ = "0.1.0"
