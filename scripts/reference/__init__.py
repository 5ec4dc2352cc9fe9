"""The pages of docs/reference that are tables of the code: what `make_docs.py` writes."""
