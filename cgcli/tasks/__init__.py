"""Task graphs that somebody built with Dask: read, evaluated, differentiated where that can be, drawn.

collection -> `reading` -> `Steps` -> values, by calling each function as Dask would
                                   -> `tracing` -> a graph of ours -> derivatives
                                   -> `picture` -> what a drawing shows

A function of somebody's Python never becomes an operation: it is called, on values or on references.
"""
