"""Plan to instances: what runs when, and the records of what happened."""
