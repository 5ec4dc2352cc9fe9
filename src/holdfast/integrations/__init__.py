"""Integrations put the engine under a library's own interface; one file each."""
