"""One job, from request to exit code: what the command line, the API and the CI integrations share."""
