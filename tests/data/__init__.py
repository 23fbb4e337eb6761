"""Data of our own making, and what makes it."""
