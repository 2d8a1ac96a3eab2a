"""A calculation explained: its steps, the rules of its derivatives, where a nan was born, second opinions."""
