"""A seeded Latvian cohort with planted truth: schools, stays, lessons, marks and support, written as a delivery."""
