"""Lists of shots: found in a film, read and written as tables and as editors' lists, checked."""
