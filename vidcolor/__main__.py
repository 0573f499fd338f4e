"""python -m vidcolor"""

from vidcolor.cli import main

main()
