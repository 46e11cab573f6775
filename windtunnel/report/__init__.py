"""Renderers of a run: HTML, Markdown, terminal, JUnit and other files."""
