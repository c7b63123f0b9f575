"""Pixels to latent and back: colour, wavelet, learned corrections."""
