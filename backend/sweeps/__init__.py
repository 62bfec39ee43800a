"""Sweeps: which experiments train a grid of settings, and what has become of its cells."""
