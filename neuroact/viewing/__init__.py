"""Pictures, videos and pages of recordings."""
