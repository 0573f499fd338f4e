"""The command line as ``python -m vidcolor``."""

from vidcolor.cli.app import main

main()
