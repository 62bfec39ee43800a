"""Experiments: everything that is kept; drawn by the workbench, which app.py mounts."""
