"""Tables in and out: CSV, TSV, Parquet, Arrow/Feather, NPY, NPZ and JSON lines, in batches of bounded size.

    formats.open_table(path)            what a file holds: its columns, and batches of chosen ones
    formats.create_table(stream, …)     a writer of the format that a file name says
    stream.run(…)                       batches through a calculation into a writer and a summary

A column that a calculation uses is float64 always, whatever a reader would guess; what is no number becomes nan and
is counted, left out, or refused. pyarrow is imported here only, and only when a file is opened.
"""
