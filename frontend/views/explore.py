"""Explore: a surface with the paths of all runs; drawn by the workbench, which app.py mounts."""
