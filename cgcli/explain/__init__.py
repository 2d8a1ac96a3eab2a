"""A calculation explained: its steps, the rules of its derivatives, where a nan was born, second opinions.

steps, tracing, point     both passes as plain data; latex_steps: as LaTeX; repeats: which of many calls are shown
births, loop_steps        where what is no finite number began; row_births: in the rows of a table
why, findings, words      what is amiss at a point, as data and in sentences; extremes: numbers out of all proportion
remedies, splicing        what to write instead, in the graph and in the text; cures: spellings; trials: each is tried
digits, judging           how many digits are right, and what two values are in truth; symbolic: what needs no points
working                   a derivative by hand: textbook and table_rule are its rules, tidying and multiplying what is
                          simplified, answers what is wrong in somebody's line
comparing, sampling       whether two formulas are equal, and points at which they are asked
checking                  derivatives against the complex step and differences
stable                    forms that mean the same and lose fewer digits
"""
