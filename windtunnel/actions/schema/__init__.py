"""JSON Schemas: files, dialects and references in, one schema of 2020-12 out, or what is wrong with its place.

documents (JSON, YAML, OpenAPI) ──▶ translate (check each part that is used in its dialect) ──▶ 2020-12 ──▶ refusal
"""
