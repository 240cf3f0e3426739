"""The converted store: what it was asked to hold, its shards, and reading them."""
