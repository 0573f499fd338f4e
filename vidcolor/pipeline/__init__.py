"""The journey of a frame: predicted, smoothed, given its chroma, encoded; films, photographs, batches of them."""
