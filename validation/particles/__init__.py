"""Stored particle data: where each comes from, what it says in the model's units."""
