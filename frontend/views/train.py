"""Train: a task with its curves and statistics; drawn by the workbench, which app.py mounts."""
