"""Steady color: which frames the network sees, and ab averaged along the motion of the picture."""
