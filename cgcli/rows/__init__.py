"""A formula for every row of a table: which column each input comes from, the calculation, and the way into a file.

    matching.match_columns(…)     input -> column, and notes for whoever asked
    matching.bind_columns(…)      the program that fits columns and values
    calculation.Calculation(…)    its nodes for a batch of rows, as columns
    files.run(…)                  from a table into a file, and a report
    sources.WholeRows(…)          data of every kind, pass after pass, without the rows that have a gap

Nothing here prints: notes and reports are returned. pyarrow stays in `cgcli.data`, options of a command in `cgcli.cli`.
"""
