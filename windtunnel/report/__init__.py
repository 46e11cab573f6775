"""A run to something a person reads: HTML, Markdown, terminal."""
