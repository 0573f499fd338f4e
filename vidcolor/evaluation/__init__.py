"""Color in, grey, colorized, compared with the truth: numbers, tables, a page."""
