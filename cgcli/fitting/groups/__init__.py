"""A fit for every group of rows, or one with parameters that groups share.

grouped.fit_by(…)         a formula and a table -> the fits of all groups
grouping                  the rows of each group, lying together
each                      every group by itself: most side by side, the odd ones alone
side_by_side, descent     rows of groups beside each other, and one step of all of them
sharing                   one fit in which some parameters are common to all groups
"""
