"""Tables to HTML and SVG, in Latvian and English."""
