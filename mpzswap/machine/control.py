"""
Control: one packet socket per child, and what is said on it.

        parent                                            child
        Child  <============ socketpair(SEQPACKET) ============>  ChildControl
               --- START    config, descriptors --->
               <-- READY    info -------------------
               <-- MESSAGE  bytes, descriptors ---->
               <-- FAILURE  traceback --------------
               --- end of file: drain and leave --->

A message is cut into packets of at most ``PACKET_BYTES``, so that it may be larger
than the socket's buffer; each packet says whether it is the first and whether it is
the last.  A sender that was interrupted begins anew, and the receiver, who sees a
first packet, drops what it had.

Invariants:

*  The parent's end is open in the parent alone, the child's end in the child alone;
   so each sees the end of file as soon as the other has closed or is dead.
*  A packet is never empty: an empty one is the end of file.
*  Descriptors in a received message belong to the receiver.
*  Nothing here blocks but ``send`` and ``receive``, and those have limits.
"""

import array
import contextlib
import enum
import math
import os
import select
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from mpzswap.clock.work import Clock
from mpzswap.errors import MpzswapError

# Ours: well under the least buffer that Linux gives a socket (212992 bytes), so
# that a few packets are under way at once.
PACKET_BYTES = 32768
# Linux, include/net/scm.h, SCM_MAX_FD.
FDS_PER_PACKET = 253
# Ours: control is for orders and results; pages travel in shared memory.
MESSAGE_LIMIT_BYTES = 16 << 20

HEADER_BYTES = 2
FIRST = 1
LAST = 2


class Kind(enum.IntEnum):
    """What a message is; ours."""

    START = 1
    READY = 2
    MESSAGE = 3
    FAILURE = 4


@dataclass(frozen=True)
class Message:
    """What was said, and the descriptors that came along."""

    kind: Kind
    body: bytes = b""
    fds: tuple[int, ...] = ()

    def close_fds(self) -> None:
        """Close the descriptors of a message that nobody wants."""
        for fd in self.fds:
            os.close(fd)


class Failure(msgspec.Struct, frozen=True):
    """An exception as it travels: its last line and its whole traceback."""

    summary: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Put *error* into words; the exception itself stays where it is."""
        summary = traceback.format_exception_only(error)[-1].strip()
        return cls(summary, "".join(traceback.format_exception(error)))


class RemoteTraceback(Exception):  # noqa: N818 - it is the cause of an error, not one
    """What went wrong in another process, as its traceback tells it."""

    def __str__(self) -> str:
        """Begin on a line of its own: the text has many."""
        return f"\n{self.args[0]}"


# What waits for descriptors: see ``wait_for``.
WaitFor: TypeAlias = Callable[[Sequence[int], int, float], list[int]]


class Channel:
    """
    One end of a packet socket; both ends are alike.

    Args:
        end: the socket.
        wait: how to wait for it; None: as the host does.

    Attributes:
        ended: the other side has closed its end or is dead, and all that it
            said before has been received.
    """

    def __init__(self, end: socket.socket, wait: WaitFor | None = None) -> None:
        self.ended = False
        self._wait = wait or wait_for
        self._socket = end
        self._bodies: list[bytes] = []
        self._fds: list[int] = []

    def fileno(self) -> int:
        """Give the descriptor to poll for input."""
        return self._socket.fileno()

    def send(self, message: Message, limit_s: float | None) -> None:
        """
        Send *message*; *limit_s* None waits as long as the other side lives.

        Raises:
            TimeoutError: the other side did not make room; nothing was said.
            ConnectionError: the other side is gone, or our end was shut.
        """
        until = math.inf if limit_s is None else time.monotonic() + limit_s
        for packet, fds in _packets(message):
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
            while not self._send_nowait(packet, rights):
                if not self._wait([self.fileno()], select.POLLOUT, until):
                    raise TimeoutError(f"no room for {len(message.body)} bytes")

    def _send_nowait(
        self, packet: bytes, rights: Sequence[tuple[int, int, bytes]]
    ) -> bool:
        try:
            self._socket.sendmsg([packet], rights, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def receive(self, limit_s: float) -> Message | None:
        """Give the next message; None at the limit, and when ``ended``."""
        until = time.monotonic() + limit_s
        while True:
            message = self.receive_nowait()
            if message is not None or self.ended:
                return message
            if not self._wait([self.fileno()], select.POLLIN, until):
                return None

    def receive_nowait(self) -> Message | None:
        """Give the next message if it is there; after None look at ``ended``."""
        while (packet := self._packet_nowait()) is not None:
            kind, position = packet[:HEADER_BYTES]
            self._bodies.append(packet[HEADER_BYTES:])
            if position & LAST:
                message = Message(Kind(kind), b"".join(self._bodies), tuple(self._fds))
                self._bodies, self._fds = [], []
                return message
        return None

    def _packet_nowait(self) -> bytes | None:
        try:
            packet, rights, flags, _ = self._socket.recvmsg(
                PACKET_BYTES,
                socket.CMSG_SPACE(FDS_PER_PACKET * array.array("i").itemsize),
                socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC,
            )
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # It died with words of ours unread.  The error is told once; what it
            # said itself, its failure above all, is still in the queue.
            return self._packet_nowait()
        if not packet:
            self.ended = True
            return None
        if packet[1] & FIRST:
            self._drop_unfinished()
        for _, _, data in rights:
            self._fds.extend(array.array("i", data))
        if flags & socket.MSG_CTRUNC:
            raise MpzswapError("control: descriptors were lost; too many are open")
        return packet

    def _drop_unfinished(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._bodies, self._fds = [], []

    def shut(self) -> None:
        """Say that nothing more will come; what the other side says still arrives."""
        # Not close(): copies of our end may be open in forks of this process, and
        # shutting is done to the connection, whoever holds it.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Give back the descriptor."""
        self._drop_unfinished()
        self._socket.close()


def _packets(message: Message) -> Iterator[tuple[bytes, bytes]]:
    """Cut *message*; each packet has its header and its share of descriptors."""
    if len(message.body) > MESSAGE_LIMIT_BYTES:
        raise MpzswapError(
            f"control: a message of {len(message.body)} bytes is over the limit "
            f"of {MESSAGE_LIMIT_BYTES}"
        )
    room = PACKET_BYTES - HEADER_BYTES
    count = max(
        1,
        -(-len(message.body) // room),
        -(-len(message.fds) // FDS_PER_PACKET),
    )
    for index in range(count):
        position = FIRST * (index == 0) | LAST * (index == count - 1)
        body = message.body[index * room : (index + 1) * room]
        fds = message.fds[index * FDS_PER_PACKET : (index + 1) * FDS_PER_PACKET]
        yield bytes((message.kind, position)) + body, array.array("i", fds).tobytes()


def wait_for(fds: Sequence[int], events: int, until: float) -> list[int]:
    """Give those of *fds* that have *events*; none at the monotonic time *until*."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, events)
    left_ms = None if until == math.inf else 1000 * max(0, until - time.monotonic())
    found = poller.poll(None if left_ms is None else math.ceil(left_ms))
    return [fd for fd, _ in found]


class ChildControl:
    """
    The child's end: what a child says to its parent, and hears from it.

    Attributes:
        clock: whose time it is in this child.
    """

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self.clock = clock
        self._channel = channel

    @property
    def draining(self) -> bool:
        """Whether a receive has found the parent's end closed: drain and leave."""
        return self._channel.ended

    def fileno(self) -> int:
        """Give the descriptor to poll: readable for a message and for the end."""
        return self._channel.fileno()

    def ready(self, info: bytes = b"") -> None:
        """Say that work may come; *info* is what ``wait_ready`` gives."""
        self._say(Message(Kind.READY, info))

    def send(self, body: bytes, fds: Sequence[int] = ()) -> None:
        """Send *body* and copies of *fds*; ConnectionError if the parent is gone."""
        self._say(Message(Kind.MESSAGE, body, tuple(fds)))

    def receive_nowait(self) -> Message | None:
        """Give the next message if it is there; after None look at ``draining``."""
        return self._channel.receive_nowait()

    def receive(self, limit_s: float) -> Message | None:
        """Give the next message; None at the limit, and when ``draining``."""
        return self._channel.receive(limit_s)

    def report_failure(self, error: BaseException) -> None:
        """Send what becomes the cause of the parent's DeviceDiedError."""
        self._say(Message(Kind.FAILURE, msgspec.json.encode(Failure.of(error))))

    def close(self) -> None:
        """Close our end, as the system does when a process ends."""
        self._channel.close()

    def _say(self, message: Message) -> None:
        # No limit but the parent's life: it may be stopped by its user for hours,
        # and when it goes, the kernel ends this wait.
        self._channel.send(message, limit_s=None)
