"""What the list means for groups of pupils: differences, their causes, and what a remedy would cost."""
