"""The command line: options in, one verb of a lower floor, results printed. The only door to typer and rich."""
