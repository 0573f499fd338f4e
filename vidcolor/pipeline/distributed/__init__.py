"""One film over many machines: planned once, worked segment by segment anywhere, joined."""
