"""CSV and TSV: records, blocks of bytes, readers with pyarrow and without, writers."""
