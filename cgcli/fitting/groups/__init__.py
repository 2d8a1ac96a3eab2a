"""A fit for every group of rows, or one with parameters that groups share.

grouped.fit_by(…)         a formula and a table -> the fits of all groups
grouping                  the rows of each group, lying together
each                      every group by itself: most side by side, the odd ones alone
starting                  where groups begin, and what those try that do not end well
side_by_side, descent     walks of groups to their solutions, and what a step of all of them is
beside, small_matrices    the same where there is no machine code: arrays of NumPy
sharing                   one fit in which some parameters are common to all groups
"""
