"""The command line: the only place that knows argv, environment, stdout and exit codes."""
