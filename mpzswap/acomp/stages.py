"""
Where the time of a page goes, from the request that it is in to its being put away.

    prepare     begun: what the call takes, once for all of its pages
    submit      its descriptors, and those of its request that come before
    queue       in a work queue, or waiting for a place in one
    execute     on an engine
    complete    done, and others of its request are not
    seen        all are, and their records are on their way, or nobody has looked
    store       until all of its request is put away

The stages of a page adjoin, so they add up to its latency.  They are counted where a
clock keeps a profile's time; on a host they would tell of its scheduler.
"""

from collections.abc import Sequence
from enum import IntEnum

import msgspec


class Stage(IntEnum):
    """A part of a page's way; see the module."""

    PREPARE = 0
    SUBMIT = 1
    QUEUE = 2
    EXECUTE = 3
    COMPLETE = 4
    SEEN = 5
    STORE = 6


class StageSums(msgspec.Struct):
    """
    Sums over pages; travels as JSON.

    Attributes:
        pages: how many.
        ns: of each stage, all of them together.
    """

    pages: int = 0
    ns: list[int] = msgspec.field(default_factory=lambda: [0] * len(Stage))

    def add(self, pages: int, ns: Sequence[int]) -> None:
        """Add what *pages* took, each stage summed over them."""
        self.pages += pages
        self.ns = [mine + new for mine, new in zip(self.ns, ns, strict=True)]

    def __add__(self, other: "StageSums") -> "StageSums":
        """Add up two workers."""
        both = StageSums(self.pages, list(self.ns))
        both.add(other.pages, other.ns)
        return both
