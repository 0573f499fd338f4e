"""Films: containers, frames and packets. The only door to libav, and to image files."""
