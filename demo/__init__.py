"""Three made-up agencies and a broker on one machine, to look at the whole."""
