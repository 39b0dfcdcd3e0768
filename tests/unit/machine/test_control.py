"""Channel: messages are cut, sent, and put together again."""

import os
import socket
from collections.abc import Iterator

import pytest

from mpzswap.machine.control import (
    PACKET_BYTES,
    Channel,
    Failure,
    Kind,
    Message,
    RemoteTraceback,
    _packets,
)

LIMIT_S = 5.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Channel]]:
    """Give a bare socket and the channel at its other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(theirs)
    with ours:
        yield ours, channel
    channel.close()


def test_message_comes_as_it_was_sent(ends: tuple[socket.socket, Channel]) -> None:
    """Kind and body survive, in the order of sending."""
    ours, channel = ends
    sender = Channel(ours)
    sender.send(Message(Kind.READY, b"first"), LIMIT_S)
    sender.send(Message(Kind.MESSAGE), LIMIT_S)

    assert channel.receive_nowait() == Message(Kind.READY, b"first")
    assert channel.receive_nowait() == Message(Kind.MESSAGE)
    assert channel.receive_nowait() is None
    assert not channel.ended


def test_end_comes_after_all_messages(ends: tuple[socket.socket, Channel]) -> None:
    """What was said before the end is heard before it."""
    ours, channel = ends
    sender = Channel(ours)
    sender.send(Message(Kind.MESSAGE, b"last"), LIMIT_S)
    sender.shut()

    assert channel.receive(LIMIT_S) == Message(Kind.MESSAGE, b"last")
    assert channel.receive(LIMIT_S) is None
    assert channel.ended


def test_interrupted_message_is_dropped(ends: tuple[socket.socket, Channel]) -> None:
    """A sender that begins anew does not corrupt what follows; no file is leaked."""
    ours, channel = ends
    file = os.memfd_create("lost")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    first, *_ = _packets(Message(Kind.MESSAGE, bytes(2 * PACKET_BYTES), (file,)))
    ours.sendmsg([first[0]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, first[1])])
    Channel(ours).send(Message(Kind.MESSAGE, b"whole"), LIMIT_S)

    assert channel.receive(LIMIT_S) == Message(Kind.MESSAGE, b"whole")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same
    os.close(file)


def test_send_gives_up_at_the_limit(ends: tuple[socket.socket, Channel]) -> None:
    """A receiver that does not listen cannot hold the sender for ever."""
    ours, _ = ends

    with pytest.raises(TimeoutError, match="no room"):
        Channel(ours).send(Message(Kind.MESSAGE, bytes(4 << 20)), 0.01)


def test_receive_gives_up_at_the_limit(ends: tuple[socket.socket, Channel]) -> None:
    """Nothing said within the limit is None, and not the end."""
    _, channel = ends

    assert channel.receive(0.01) is None
    assert not channel.ended


def test_failure_tells_the_whole_traceback() -> None:
    """Where and why it was raised is kept; the text begins on its own line."""
    with pytest.raises(ValueError, match="bad") as caught:
        int("bad")
    failure = Failure.of(caught.value)

    assert failure.summary.startswith("ValueError: invalid literal")
    assert str(RemoteTraceback(failure.traceback)).startswith("\nTraceback")
    assert __file__ in failure.traceback
