"""How things are kept: databases, column types and ciphertext on disk."""
