"""The verbs of the command line, a room for each matter; what they do is done in the wings below."""
