"""The official packages of two languages as one: the same calls, the same view of the answers."""
