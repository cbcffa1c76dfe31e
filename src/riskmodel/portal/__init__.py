"""The Voila application."""
