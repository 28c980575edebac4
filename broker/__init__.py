"""The blind server: HTTP outside, ciphertext and hashes inside."""
