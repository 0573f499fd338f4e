"""Sheets of pictures that show what films and photographs will look like."""
