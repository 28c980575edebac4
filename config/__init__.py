"""What may differ between two installations: settings and logs."""
