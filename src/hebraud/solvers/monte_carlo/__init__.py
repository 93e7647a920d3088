"""Monte Carlo: a sample of blocks, each sampled exactly, without a grid."""
