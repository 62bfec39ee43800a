"""Data set, model and loss, one file each; a module with `PROBLEM` joins the catalogue."""
