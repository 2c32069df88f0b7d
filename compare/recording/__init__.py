"""Recording real PyTorch code: one run of it becomes a tape program."""
