"""What runs inside a contender's own environment: NumPy, pandas and pyarrow are all it may need."""
