"""Bytes on the wire: our own HTTP/1.1 client, the hot path."""
