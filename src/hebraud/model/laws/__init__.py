"""Laws of thresholds: what they hold, how far their tails reach, nodes and weights for means."""
