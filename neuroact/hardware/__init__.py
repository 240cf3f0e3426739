"""From trained networks to neuromorphic chips: integer networks, their emulator, and the files that carry them."""

__all__: list[str] = []
