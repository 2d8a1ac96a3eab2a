"""Parameters that make the mean of a loss small: by minibatches, or by L-BFGS over all rows.

train.train(…)            a formula and a table -> parameters, the learning curve, how it ended
options.Options           method, epochs, batch, rate and the rest
trained.trained_by(…)     what is trained on what, from names
batches.Rows              the rows in the order of a seed
sums.MeanLoss             the mean of a loss and its gradient as one vector
epochs.Training           the course: steps, epochs, validation, checkpoints
optimisers, quasi_newton  the methods' steps; schedules: the rate from step to step
"""
