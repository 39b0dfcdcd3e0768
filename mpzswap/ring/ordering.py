"""
Memory ordering: all that the rings rely on, in one place.

1. An aligned 8-byte item of a memoryview is stored and loaded by one move: nobody
   sees half of it.  A byte likewise, and an item that struct packs there.
2. x86-64 keeps stores in order, and loads in order.  So records written before the
   store that publishes them are seen by whoever sees the publication.
3. x86-64 lets a load pass an earlier store to another place.  Where one side must
   store, then look (the shared queue limit, the doorbell), a full barrier stands
   between: acquiring and releasing a lock of our own executes a locked instruction.
4. Linux counts an eventfd up and down under a lock of its own (fs/eventfd.c,
   eventfd_write, eventfd_read).  So what was stored before it was written is seen by
   whoever found it readable.

The interpreter itself neither reorders nor caches items of a memoryview.  Other
processors order less; there the package refuses to start.
"""

import platform
import threading
from collections.abc import Callable

from mpzswap.errors import MpzswapError

STRONG_ENOUGH = ("x86_64", "AMD64")


def check_processor(machine: str | None = None) -> None:
    """
    Refuse a processor whose ordering is weaker than what we rely on.

    Raises:
        MpzswapError: it is.
    """
    name = machine or platform.machine()
    if name not in STRONG_ENOUGH:
        raise MpzswapError(
            f"processor {name}: its memory ordering is weaker than the rings need; "
            f"must be one of {', '.join(STRONG_ENOUGH)}"
        )


def make_full_barrier() -> Callable[[], None]:
    """Give a function that orders every store before it with every load after."""
    lock = threading.Lock()

    def full_barrier() -> None:
        # As a block: no signal's handler comes between the two, whose exception
        # would leave the lock taken for ever.
        with lock:
            pass

    return full_barrier
