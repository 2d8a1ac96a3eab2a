"""Stable rewriting: formulas that mean the same and lose fewer digits.

rules     the rules, read from `stable.cg`: texts of the language with letters for any formula
matching  where a rule fits in a graph, and what it writes there
search    chains of rules, tried at points; the best of them
series    Taylor and Laurent forms near a point
regimes   two forms, each where it is the better one
"""
