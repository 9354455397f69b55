"""Portfolios learned from cached results: which configurations complement each other, in order.

To go on with a cache that was begun, with the same rows and folds as before, quietly::

    nice -n 19 python -m benchmarks.portfolio collect --suite folder:DATA --rows 2500

It can be stopped at any moment and takes up where it was; ``show`` says what is there, ``learn``
selects from it. 33 tables of 2,500 rows take 1.5 CPU seconds a configuration for the cheap first
ones, 2 to 3 for all: 5 to 7 hours of a core for 277 configurations. What an algorithm was asked
before its ``fit`` changed stays in the cache: delete its files to have it tried again.
"""
