"""Numbered frames, a file each, as films: read, written, published together."""
