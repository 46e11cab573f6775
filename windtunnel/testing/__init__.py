"""Fakes that users and our own tests share."""
