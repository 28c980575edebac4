"""Whether two agencies know the same person, without telling them who else they know."""
