"""Pure functions over bytes: no clock, no database, no web."""
