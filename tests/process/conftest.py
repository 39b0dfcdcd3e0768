"""Nothing of ours may be left after a test with real processes."""

import os
import signal
import uuid
from collections.abc import Iterator

import pytest

from mpzswap.machine import ending
from mpzswap.workload.leftovers import LEFT_LIMIT_S, marked_pids


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
