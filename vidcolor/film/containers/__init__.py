"""Containers read: packets in order, clocks that only rise, pictures decoded past damage."""
