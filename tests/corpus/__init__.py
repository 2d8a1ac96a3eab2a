"""Formulas of others with reference values of 50 digits."""
