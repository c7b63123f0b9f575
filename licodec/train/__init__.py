"""Trains networks on pictures, and makes releases of checkpoints."""
