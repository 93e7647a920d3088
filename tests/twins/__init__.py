"""Naive twins: the plainest way to compute what the library computes fast."""
