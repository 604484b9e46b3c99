"""Measures bertconv beside the libraries that do the same work: `make bench`."""
