"""Values with errors, and what follows from them for a formula: the GUM (JCGM 100) and its supplements (JCGM 101, 102).

notation          1.5±0.1, 1.50(10), R(1.1, 1.3) as values, and a result with its error as text
distributions     what is known of a value: normal, rectangular, Student, …
quantities        values with errors under the names of inputs, their correlations, the covariance matrix
propagating       the law of propagation: value, error, degrees of freedom, shares, covariance of outputs
second_order      the same to the next order of Taylor's series
drawing, sampling  random values of the inputs, and propagation of distributions by Monte Carlo
sobol             shares of the variance by sampling
readings          repeated readings: means, their errors and correlations
results           what is told of an output
"""
