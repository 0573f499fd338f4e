"""A film as segments: cut, recorded, and known to a journal."""
