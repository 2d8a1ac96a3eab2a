"""Printing a graph: as formula text, and for other languages."""
