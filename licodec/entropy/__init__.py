"""Codes symbols, each by the table of its scale index, to bytes and back; integers only."""
