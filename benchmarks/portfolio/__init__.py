"""Portfolios learned from cached results: which configurations complement each other, in order."""
