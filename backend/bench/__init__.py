"""Benchmarks of the backend, run by ``lrd bench NAME``; each has a `measure` that gives figures."""
