"""Least squares: a formula's parameters from the rows of a table.

    protocol.Problem              all that the solver knows of the data: one triangle a point, whatever the size
    array_problem.ArrayProblem    residuals and derivatives that are in memory
    robust.robustified(…)         residuals and derivatives under a robust loss

The problem of a table with 7 rows and one of 10 GB look alike: an evaluation gives the R factor of the residuals'
derivatives, with the residuals as the last column. Normal equations are never formed.
"""
