"""Chains of libav's filters."""

from __future__ import annotations

from itertools import pairwise

from av.filter import Graph


def filter_chain(*filters: tuple[str, str]) -> Graph:
    """Return a graph of filters, each with its arguments, in which each takes what the one before gives.

    Args:
        filters: Of which the first takes pictures; what the last gives can be pulled.
    """
    graph = Graph()
    chain = [graph.add(name, arguments) for name, arguments in filters]
    for before, after in pairwise([*chain, graph.add("buffersink")]):
        before.link_to(after)
    graph.configure()
    return graph
