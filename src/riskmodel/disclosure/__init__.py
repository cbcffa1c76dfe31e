"""Small numbers: what of a table of counts may be shown, and what was shown before."""
