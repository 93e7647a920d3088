"""The same problems in other public tools, side by side."""
