"""The Python API: `Formula`, a method for each thing that can be asked, and where formulas come from.

Each method is a few lines that call the room which has the answer; nothing is computed here.
"""
