"""Multi-scale progressive prior: predicts mean and scale of each element from what is coded."""
