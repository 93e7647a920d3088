"""Loops over particles, and over the block stresses of snapshots."""
