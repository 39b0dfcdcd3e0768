"""What a machine may have left behind: processes, descriptors, temporary files."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mpzswap.machine import ending

PROC = Path("/proc")
SHARED = Path("/dev/shm")  # noqa: S108 - looked at, never written
# After any end nothing of ours is left for longer; the promise of the design.
LEFT_LIMIT_S = 2.0
MARK = "MPZSWAP_MARK"


@dataclass(frozen=True)
class Held:
    """What this process, and the folders that everybody writes to, have now."""

    descriptors: int
    files: frozenset[str]

    @classmethod
    def now(cls) -> "Held":
        """Look."""
        folders = {Path(tempfile.gettempdir()), SHARED}
        return cls(
            len(list((PROC / "self/fd").iterdir())),
            frozenset(
                str(path) for folder in folders for path in folder.glob("*mpzswap*")
            ),
        )


class Leftovers:
    """What was left behind, in words; empty while all is well."""

    def __init__(self) -> None:
        self.found: tuple[str, ...] = ()


@contextlib.contextmanager
def watched() -> Iterator[Leftovers]:
    """
    Find what outlives the block; all that it starts is marked by its environment.

    Descriptors are those of the whole process, so nobody else may open any meanwhile.
    """
    before, left = Held.now(), Leftovers()
    mark, old = f"{MARK}={uuid.uuid4()}", os.environ.get(MARK)
    os.environ[MARK] = mark.partition("=")[2]
    try:
        yield left
    finally:
        if old is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = old
    left.found = tuple(_differences(before, mark))


def _differences(before: Held, mark: str) -> Iterator[str]:
    pidfds: dict[int, int] = {}
    for pid in marked_pids(mark):
        with contextlib.suppress(ProcessLookupError):  # Gone just now.
            pidfds[os.pidfd_open(pid)] = pid
    try:
        for pidfd in ending.wait_gone(pidfds, LEFT_LIMIT_S, {}):
            yield f"process {pidfds[pidfd]}: is left after {LEFT_LIMIT_S:g} s"
    finally:
        for pidfd in pidfds:
            os.close(pidfd)
    after = Held.now()
    if after.descriptors > before.descriptors:
        more = after.descriptors - before.descriptors
        yield f"descriptors: {more} more are open than before"
    for file in sorted(after.files - before.files):
        yield f"file {file}: is left"


def marked_pids(mark: str) -> list[int]:
    """Give the processes but ours that have *mark* in their environment."""
    pids = []
    for path in PROC.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # Gone meanwhile, or another user's.
            if mark.encode() in path.read_bytes().split(b"\0"):
                pids.append(int(path.parent.name))
    return [pid for pid in pids if pid != os.getpid()]
