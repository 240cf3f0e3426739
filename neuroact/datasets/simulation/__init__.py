"""The simulated set: a figure that acts, a camera that watches it, and the recordings of both."""
