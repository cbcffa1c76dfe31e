"""The semester run: steps, papermill, publishing, the schedule."""
