"""Exhibits: taken in, sealed, packed for a court and verified."""
