"""Formulas over tables of many rows on a cluster: tasks of a fair size, sums in the order of the rows.

`pieces` cuts a table into pieces, whose borders depend on the data alone. An `Executor` (`executor`; Dask's is in
`dask_executor`) runs a function for each of them on any number of workers, and gives the results in order. `tables`
writes the rows of results in parts, `sums` adds up. Nothing here is loaded without `--cluster` or `cluster=`.
"""
