"""Algorithms in doubles for what NumPy, SciPy and `math` lack or give with too few digits.

Each function takes arrays (or numbers) and returns arrays; the rows spell them. They are imported when a row is first
computed, so NumPy and SciPy may stand at the top of these files.
"""
