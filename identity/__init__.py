"""The person behind the case, seen by one agency only."""
