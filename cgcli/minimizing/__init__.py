"""Minima and roots: what exact derivatives are for.

`objective` is the function over one vector, `subproblem` the step, `foresight` how far it may go, `newton` the walk,
`curvature` what a point is that it ends at; `large` is the same walk for many variables, `kinked`, `constrained` and
`roots` serve their own kind of problem, and `outcome` says how it ended. `search` puts them together.
"""
