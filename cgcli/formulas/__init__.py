"""The one straight line from text to result.

    text -> syntax table -> graph (one per shape signature) -> derivatives (a pass) -> engine -> values

`base` binds values to a formula; `given` reads values, `programs` finds the graph that fits their shapes, `bound` holds
both; `derivatives` says what is differentiated by what; `rows` and `drawing` are calls on tables and pictures. What
Python calls a formula stands above, in `cgcli.api`.
"""
