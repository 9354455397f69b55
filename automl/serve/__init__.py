"""A saved model behind HTTP, on this machine or in a container (the extra ``serve``).

``automl serve`` is the way in. Only that command imports this package, because it needs FastAPI.
"""
