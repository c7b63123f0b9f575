"""Multi-scale progressive prior: what is known in, mean and scale of what comes next out."""
