"""Photographs: one, or many in one go."""
