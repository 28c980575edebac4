"""One script per yardstick; each runs its peer in the same run."""
