"""Two step types and a renderer for Windtunnel."""
