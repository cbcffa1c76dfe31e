"""The declared tables: columns, units, ranges, keys; checks, docs and invented rows derive from them."""
