"""Pictures into packets, and packets at rest."""
