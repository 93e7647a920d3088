"""The particle glass: its mixture, its thermal history, and its positions in time."""
