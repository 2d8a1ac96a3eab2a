"""Live graphs: values that survive changes of inputs and edits of the graph.

A question computes exactly what it needs and what does not stand any more; where a value comes out equal to the last
bit, what depends on it is left as it is. `Formula.live` makes a `LiveGraph` (`cgcli/live/live.py`):

    live = f.live(x=0.3, t=1)           values as for `f.eval`, by name or as one mapping
    live["loss"], live["sin(x) + y"]    the value of a name, of an expression over the names, of a node (`live[7]`)
    live.eval(text)                     the same; live() gives the outputs as `f.eval` would
    live.grad("loss", wrt=["x"])        derivatives by name, as `f.grad`
    live.set(x=0.5)                     new values; of a name that the formula defines: it is an input from then on
    live.define("y", "tanh(x)")         a new definition, one edit
    with live.edit() as e:              several edits, all or none of them (`cgcli/live/edits.py`):
        e.replace("sin(x)", "tanh(x)")  e.insert("clip(y, -1, 1)", after="y")  e.remove("b")
        e.define("k", "2*x")  e.rename("a", "c")  e.set(x=1)
    live.undo(), live.redo()            the last change, of values or of the graph: what it was, in words
    live.fork(), live.compact()         an independent copy; new numbers for the nodes that are needed
    live.watch("y", print)              called with name, value before, value after; live.unwatch("y"); live.watched
    live.report                         {"recomputed", "reused", "cut_off", "mode"} of the last question or change
    live.names, live.inputs, live.outputs, live.values      what there is; values of the inputs by name
    live.fixed                          inputs that a length or an index follows from, once the graph was edited
    live.definition("y"), live.node("y")                    the text of a name as it is now; the number of its node
    live.stale(), live.is_stale("y")    {name: nodes that a question would have to compute} of names not up to date
    live.changes()                      [(name, before, after)] of names that were up to date when it was called last
    live.formula()                      the formula as it is now
    live.text()                         its text, with the definitions that no output needs

`values` knows what stands, `sheet` what there is, `texts` and `building` what a text means, `edits` and `changes` what
is done and taken back, `gradients` which nodes are derivatives, `compacting` what the formula is now.
"""
