"""The declared tables of support, in the one data base of the register."""
