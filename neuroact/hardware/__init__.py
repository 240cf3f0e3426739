"""From trained networks to neuromorphic chips: integer networks, their emulator, and the files that carry them."""
