"""A second verifier for Amparo evidence packs, written from the protocol document alone."""
