"""Modules of which every export has a copy; they read what stands beside them, and no automl."""
