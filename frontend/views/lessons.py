"""Lessons: text beside an experiment; drawn by the workbench, which app.py mounts."""
