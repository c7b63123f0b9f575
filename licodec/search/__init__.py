"""One picture and a goal in, the file that meets it best out: what encoders do with more time."""
