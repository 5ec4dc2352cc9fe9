"""Transports send one attempt and say how far it got: urllib3 on threads, httpx2 in tasks."""
