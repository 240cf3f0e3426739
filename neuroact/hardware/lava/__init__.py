"""Lava's own simulator of Loihi, to check our emulator against; it runs on Python 3.10, in processes of its own."""

from neuroact.hardware.lava.running import LavaOutput, lava_output, run_lava

__all__ = ["LavaOutput", "lava_output", "run_lava"]
