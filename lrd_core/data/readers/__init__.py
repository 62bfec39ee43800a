"""File formats: one module a format, its `FORMAT` and how to read it as arrays."""
