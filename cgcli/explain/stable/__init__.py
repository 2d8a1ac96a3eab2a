"""Stable rewriting: formulas that mean the same and lose fewer digits.

rules     the rules, read from `stable.cg`: texts of the language with letters for any formula
matching  where a rule fits in a graph, and what it writes there
building  what rewriting writes: sums, products and powers in one order
search    chains of rules, tried at points; the best of them
trials    the points, and what a form loses there
region    where the inputs are: at a point, in ranges, in the rows of a table
series    Taylor and Laurent forms near a point
leading   first terms for a small or large input, the others being letters; their coefficients are in `coefficients`
regimes   two forms, each where it is the better one
"""
