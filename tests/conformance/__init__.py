"""Every operation on every engine."""
