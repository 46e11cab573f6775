"""Faults on purpose: on our own requests, in an embedded proxy, or through an engine outside of our process."""
