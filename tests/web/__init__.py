"""Tests that talk to the desk as a browser does."""
