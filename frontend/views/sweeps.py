"""Sweeps: heat maps over two settings; drawn by the workbench, which app.py mounts."""
