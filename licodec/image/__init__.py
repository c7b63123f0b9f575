"""Picture files and Pillow images or arrays go in; 8-bit planes and metadata come out, and back."""
