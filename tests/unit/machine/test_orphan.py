"""A child that looks whether its parent is gone."""

import os
import signal
import socket
import time

import pytest

from mpzswap.machine import orphan
from mpzswap.machine.control import Channel

# Ours: shorter than a look may take, so that the next is due before one is over.
SHORT_S = 0.00002
WORK_S = 0.5
LEFT = 3


def fork_child(end: socket.socket) -> int:
    """Fork a child that looks, works for WORK_S, and then leaves with 0."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            orphan.leave_with_parent(Channel(end), lambda: os._exit(LEFT))
            until = time.monotonic() + WORK_S
            while time.monotonic() < until:
                pass
            status = 0
        finally:
            os._exit(status)
    return pid


@pytest.mark.parametrize(("is_gone", "status"), [(False, 0), (True, LEFT)])
def test_look_that_is_held_up_harms_nobody(
    *, is_gone: bool, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is due before it is over, as for a child that was stopped in it."""
    monkeypatch.setattr(orphan, "LOOK_INTERVAL_S", SHORT_S)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        if is_gone:
            ours.shutdown(socket.SHUT_WR)
        pid = fork_child(theirs)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
