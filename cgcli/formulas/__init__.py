"""The one straight line from text to result, and the Python API.

    text -> syntax table -> graph (one per shape signature) -> derivatives (a pass) -> engine -> values

`sources` makes a `formula.Formula` of a text, a file or a graph; `given` reads values, `programs` finds the graph that
fits their shapes, `bound` holds both; `derivatives` says what is differentiated by what; `rows` and `drawing` are calls
on tables and pictures.
"""
