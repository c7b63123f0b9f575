"""Picture files, Pillow images and arrays to 8-bit planes with metadata, and back."""
