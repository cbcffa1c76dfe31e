"""Keeping the register: the whole of it as a file, what is held of one pupil, how long, and how it is taken away."""
