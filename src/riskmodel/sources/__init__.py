"""Deliveries in: files with a mapping, public data sets, the synthetic cohort."""
