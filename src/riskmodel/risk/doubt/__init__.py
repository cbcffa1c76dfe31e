"""How sure a score is: sets, intervals, and who is better looked at by people."""
