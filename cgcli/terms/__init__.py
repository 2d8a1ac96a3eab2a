"""Terms: values that are calls of the formula's functions, one graph a row, computed many at once."""
