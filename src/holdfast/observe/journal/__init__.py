"""What the live page shows of a run, read from its journal; `journal_source` is the way in."""
