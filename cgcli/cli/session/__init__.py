"""`cg live`: a session of lines over a live graph.

A line is read (`lines`), done (`session`; the words with a colon: `commands`), and what it changed is told (`changes`).
None of that needs a terminal: `loops` takes lines from a pipe or a terminal, `prompting` with completion and history.
"""
