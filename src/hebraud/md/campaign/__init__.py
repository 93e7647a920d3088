"""A campaign on disk: its plan, its chains of segments, its workflow and its archive."""
