"""The graph of operations: its columns, the handle on a node, shapes, walks, edits and checks."""
