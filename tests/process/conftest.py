"""Nothing of ours may be left after a test with real processes."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpzswap.machine import ending

# After any end nothing is left for longer; the promise of the design.
LEFT_LIMIT_S = 2.0


@pytest.fixture
def nobody_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mark all that a test starts by its environment; look for it afterwards."""
    mark = f"MPZSWAP_TEST_MARK={uuid.uuid4()}"
    monkeypatch.setenv(*mark.split("="))
    yield
    pidfds = [os.pidfd_open(pid) for pid in marked_pids(mark)]
    left = ending.wait_gone(pidfds, LEFT_LIMIT_S, {})
    for pidfd in left:
        ending.send_signal(pidfd, signal.SIGKILL)
    for pidfd in pidfds:
        os.close(pidfd)
    assert not left, f"{len(left)} processes were left"


def marked_pids(mark: str) -> list[int]:
    """Give the processes that have *mark* in their environment."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                pids.append(int(path.parent.name))
        except OSError:
            continue
    return pids
