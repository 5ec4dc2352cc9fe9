"""Runs the official packages and the drop-in over the same scripted cases, side by side."""
