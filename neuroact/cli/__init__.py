"""The command line: one file per command, each thin; `app` puts them together."""

from neuroact.cli.app import main

__all__ = ["main"]
