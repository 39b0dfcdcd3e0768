"""A command that does what a test wants."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class FakeCommand:
    """Stands where a module of ``mpzswap.cli`` would."""

    act: Callable[[argparse.Namespace], int]
    NAME: str = "fake"
    SUMMARY: str = "does what a test wants"
    EXAMPLES: tuple[str, ...] = ("fake --size 4K",)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add one option."""
        parser.add_argument("--size")

    def run(self, args: argparse.Namespace) -> int:
        """Act."""
        return self.act(args)
