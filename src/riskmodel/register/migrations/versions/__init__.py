"""The revisions, named ``vNNNN_what``: their numbers only grow, and a released one is never changed."""
