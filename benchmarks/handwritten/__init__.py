"""Training steps of three examples, written in JAX by hand: what their translations are timed against."""
