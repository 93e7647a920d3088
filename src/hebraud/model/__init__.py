"""The model: one equation with four slots, and the door between reduced and physical units."""
