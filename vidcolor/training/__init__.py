"""Training: photos in, a checkpoint out, with curves and sample pictures on the way."""
