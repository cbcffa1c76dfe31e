"""What measures achieve: estimates by the way in which places were given, what they can tell, and a verdict by rule."""
