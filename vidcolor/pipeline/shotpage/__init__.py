"""The page of a film's shots: one HTML file to look at them, to correct them, and to save what was decided."""
