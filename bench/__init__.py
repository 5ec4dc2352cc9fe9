"""Comparisons with peers, each `python -m bench.NAME`; committed results are in bench/results."""
