"""What could be tried: a recipe as data, its space, and the pipeline built from it."""
