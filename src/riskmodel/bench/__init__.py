"""Benchmarks, one module each; each prints one JSON object."""
