"""From recordings to a store: windows, groups of recordings, the processes that convert them."""
