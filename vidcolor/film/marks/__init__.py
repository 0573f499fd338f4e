"""Marks in the bytes of containers that libav does not read or write for us."""
