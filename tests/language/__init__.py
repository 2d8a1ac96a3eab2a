"""The language: its tables, its syntax, what a text means, and what is said of a wrong one."""
