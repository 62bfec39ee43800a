"""Analytic test functions, one file each; a module with `PROBLEM` joins the catalogue."""
