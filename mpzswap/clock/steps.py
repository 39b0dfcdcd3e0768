"""Where a CPU spends time that only a timing profile knows."""

from enum import IntEnum
from typing import Self, TypeAlias

import msgspec


class Step(IntEnum):
    """
    What a CPU does that the emulated machine takes a known time for.

    The code says ``clock.spend(step, times)`` where it does it; real work takes the
    time that it takes, and other clocks let as much pass as the profile says.
    """

    # Each request that is handed to the driver, in either direction.
    COMPRESS_CALL = 0
    DECOMPRESS_CALL = 1
    # Each descriptor, up to its submission.
    COMPRESS_DESCRIPTOR = 2
    DECOMPRESS_DESCRIPTOR = 3
    # Each page that no device does.
    SOFTWARE_COMPRESS = 4
    SOFTWARE_DECOMPRESS = 5
    # Each request that zswap stores from, or loads with: entries and pool.
    STORE_CALL = 6
    LOAD_CALL = 7
    # From a completion until the submitter runs that slept for its interrupt.
    INTERRUPT = 8
    # Each page that is swapped out, by the size of its folio: fault, reclaim, and the
    # books of both.
    SWAP_OUT_4K = 9
    SWAP_OUT_16K = 10
    SWAP_OUT_32K = 11
    SWAP_OUT_64K = 12
    SWAP_OUT_2M = 13


class Books(msgspec.Struct):
    """
    What a clock has counted of one process; travels as JSON.

    Attributes:
        spent_ns: of each step, in their order; empty where nobody knows.
        steps: times that steps were waited for,
        late: ... of which real work took longer,
        late_ns: ... by so much, all together.
    """

    spent_ns: list[int] = msgspec.field(default_factory=list)
    steps: int = 0
    late: int = 0
    late_ns: int = 0

    @classmethod
    def of_all_steps(cls) -> Self:
        """Begin to count."""
        return cls([0] * len(Step))


# What each step takes, ns, in their order.
Costs: TypeAlias = tuple[float, ...]
