"""A step type and a renderer for Windtunnel."""
