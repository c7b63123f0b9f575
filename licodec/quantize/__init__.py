"""Coefficients in, integer symbols out; the encoder's choice, unknown to the decoder."""
