"""The streams beside the picture: copied as they are, or told why not."""
