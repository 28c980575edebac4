"""Database histories: one for the broker, one for a desk."""
