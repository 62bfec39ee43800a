"""Compare: runs of any experiments side by side; drawn by the workbench, which app.py mounts."""
