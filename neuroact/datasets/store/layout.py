"""The names of a store's files."""

LAYOUT = 3
"""Raised whenever shards or manifests are laid out anew."""
READABLE = (2, LAYOUT)
"""Layouts that are read; in manifests of 2, recordings have no attributes."""
STORE_FILE = "store.json"
"""What was asked. Its presence marks a folder as a converted store."""
MANIFEST_FILE = "manifest.jsonl"
"""What became of every recording. It appears when all are finished."""
JOURNAL_FILE = "journal.jsonl"
"""Which groups are finished, while others are not."""
