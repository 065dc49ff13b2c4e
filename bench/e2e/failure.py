class Failure(Exception):
    """A benchmark cannot go on; the text says why, and what would help."""
