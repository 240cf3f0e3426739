"""From trained networks to neuromorphic chips: integer networks, their emulator, and the files that carry them.

Names are imported from the modules, of which some load torch and some do not.
"""

__all__: list[str] = []
