"""A package, so that `tests.support` is always ours: some distributions install a `tests` of their own."""
