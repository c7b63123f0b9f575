"""Symbols and scale indices in, coded bytes out, and back; integers only."""
