"""Makes this project's own test vectors, valid and invalid, for the formats of docs/protocol.md.

`python -m tests.vectors_made` writes every file, `python -m tests.vectors_made log http` those two. No module here uses
one of the product's packages: every value comes from tests/unit/crypto/reference.py, from the modules beside this one
and from the primitives of hashlib, hmac, cryptography and PyNaCl. tests/vectors/SOURCES.md says what a file holds.
"""
