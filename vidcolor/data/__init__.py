"""Photos to learn from and to measure with: found, aged like old film, extracted from footage."""
