"""Measures of speed, each with its limit."""
