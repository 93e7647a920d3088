"""From chains to numbers: one reduction, the model's parameters and couplings, tables."""
