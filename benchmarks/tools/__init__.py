"""Each tool that is measured: how it runs the same job, and where it says what it saw."""
