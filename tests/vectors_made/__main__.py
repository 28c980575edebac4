"""Writes the files that are named, or all of them."""

import sys

from tests.vectors_made.books import BOOKS

for name in sys.argv[1:] or BOOKS:
    BOOKS[name]().write()
