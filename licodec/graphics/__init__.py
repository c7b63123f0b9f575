"""Screens, text and drawings: told from photographs, and coded in few colours without weights."""
