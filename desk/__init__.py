"""An agency's own web application."""
