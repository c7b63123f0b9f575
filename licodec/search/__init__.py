"""What encoders do with more time: fit a picture's latent, and meet a wanted size or closeness."""
