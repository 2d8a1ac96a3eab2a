"""Minima and roots: what exact first and second derivatives are for.

`objective` is the function over one vector, `subproblem` the step, `newton` the walk, `curvature` what a point is that
it ends at; `krylov` is the same walk for many variables, `kinked`, `constrained` and `roots` serve their own kind of
problem, and `outcome` says how it ended. `search` puts them together.
"""
