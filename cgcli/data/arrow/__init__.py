"""Parquet and Arrow/Feather through pyarrow."""
