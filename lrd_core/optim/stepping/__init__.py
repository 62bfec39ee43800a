"""Sorts parameters into lots, each of which an engine steps in one pass."""
