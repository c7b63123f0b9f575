"""How symbols of a step become batches of the stream, and back: what both directions agree on."""
