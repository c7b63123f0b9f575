"""Pictures in, checkpoints out."""
