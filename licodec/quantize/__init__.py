"""How encoders choose integer symbols for coefficients; decoders know nothing of it."""
