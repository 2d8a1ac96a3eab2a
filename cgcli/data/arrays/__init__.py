"""NPY and NPZ. Nothing is ever unpickled."""
