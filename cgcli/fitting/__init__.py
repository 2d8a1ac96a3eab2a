"""A formula's parameters from the rows of a table: by least squares, or by making the mean of a loss small.

    fit.fit(…)                    a formula and a table -> parameters, and what the data say of them
    question.ask(…)               what is fitted to what, from names
    rows_problem.RowsProblem      the residuals of a table of any size
    protocol.Problem              all that the solver knows of them: one triangle a point, whatever the size
    searching.best_solution(…)    from what is known of the start
    starts.Starts                 places to begin at, scaled by the data
    least_squares.Search          from one start to a solution; within: its linear parameters within their bounds
    reflective.reflective_end(…)  where SciPy's search within bounds ends
    decimals.by_decimals(…)       its last digits, where residuals are hardly longer than the rounding of the table
    twins.preferred               of solutions that are the same but for signs and names, the expected one
    result.result_of(…)           a solution with all that is to be said of it
    statistics.statistics(…)      errors, and what is not determined, from the triangle at a solution
    remembering.Remembered        a problem whose answers are in a file: a fit goes on to the same bits
    checkpoints                   what it takes to go on, in a file
    orthogonal.nearest(…)         inputs that have errors, too
    profile.Profiler              likelihood intervals
    reporting.Reporting           what can be asked of a result: a document, the table, predictions, a plot
    predicting.Predictor          predictions with errors and bands for batches of rows; predictions.… for tables
    picturing.picture_of(…)       the rows and the curve that a plot or a sketch shows
    groups.grouped.fit_by(…)      a fit for each group of rows, or one with parameters that groups share
    training.train.train(…)       minibatches or L-BFGS over a loss of a row

The problem of a table with 7 rows and one of 10 GB look alike: an evaluation gives the R factor of the residuals'
derivatives, with the residuals as the last column. Normal equations are never formed.
"""
