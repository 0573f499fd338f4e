"""Color: conversions between color spaces, the gamut at a known luma, and measures."""
