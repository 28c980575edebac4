"""Who takes part: agencies and their keys, officers and their rights."""
