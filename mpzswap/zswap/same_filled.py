"""
Same-filled pages: those that are one 8-byte value all over.

Most pages that are not differ in their first and last word, so these two are
compared for pages side by side at once, without copying one; what is left is
compared whole.  (The kernel did so while zswap had same-filled pages, up to Linux 6.13;
since then zero pages alone are kept apart, by the swap layer.)
"""

from collections.abc import Iterable

import numpy as np

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames

WORD_BYTES = 8
LAST_WORD = PAGE_SIZE // WORD_BYTES - 1


def same_filled(frames: Frames, runs: Iterable[range]) -> dict[int, int]:
    """Give the value of each frame that is the same all over, of *runs* of them."""
    words = frames.array.view(np.uint64)
    found: dict[int, int] = {}
    for run in runs:
        firsts = words[run.start : run.stop, 0]
        same = firsts == words[run.start : run.stop, LAST_WORD]
        for place in same.nonzero()[0].tolist():
            index, value = run[place], int(firsts[place])
            if frames.views[index].tobytes() == filled(value):
                found[index] = value
    return found


def filled(value: int) -> bytes:
    """Give the page that is the 8-byte *value* all over."""
    return value.to_bytes(WORD_BYTES, "little") * (PAGE_SIZE // WORD_BYTES)


def fill(page: memoryview, value: int) -> None:
    """Make *page* the 8-byte *value* all over."""
    page[:] = filled(value)
