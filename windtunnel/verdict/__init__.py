"""Numbers to one word: thresholds, soundness, verdict."""
