"""Models of the tasks, one file each."""
