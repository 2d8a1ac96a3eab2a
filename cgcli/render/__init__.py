"""Results for people: tables, pictures, trees, errors. Rich and Graphviz are known here only."""
