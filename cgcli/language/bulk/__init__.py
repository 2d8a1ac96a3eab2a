"""Large texts: the same tables, names and graph as for small ones, made by compiled loops over columns."""
