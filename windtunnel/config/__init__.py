"""Text to model: YAML with positions, schema validation, environment references."""
