"""Transports send one attempt and say how far it got: on threads, and in asyncio tasks."""
