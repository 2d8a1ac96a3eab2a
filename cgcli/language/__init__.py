"""The language: from text to the syntax table, and from there to the graph."""
