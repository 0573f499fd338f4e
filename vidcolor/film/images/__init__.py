"""Still pictures in files: read with all that they hold, and written in color with all that the new file can hold."""
