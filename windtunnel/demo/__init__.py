"""A small shop to try Windtunnel on."""
