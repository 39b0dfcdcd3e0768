"""
Our side of the starter: the process that is executed, and the socket of requests.

    ours --Setup--> starter          modules to import; the answer is awaited late
    ours --StartChild, control-->    <--Answer: pid, pidfd--
    ours --TellExit-->               <--Answer: exit code--
    ours --closed-->                 the starter ends its children and itself

Invariants:

*  Requests are numbered.  One that was interrupted leaves an answer behind, which the
   next one discards; its child finds its control closed and leaves.
*  One request at a time: a lock that is private to this process.
*  A starter that did not answer in time is killed, never asked again.
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mpzswap import version
from mpzswap.clock.config import ClockConfig
from mpzswap.errors import ClosedError, DeviceDiedError, MpzswapError
from mpzswap.machine import boot, ending
from mpzswap.machine.child import Process, describe
from mpzswap.machine.control import Channel, Failure, Kind, Message, RemoteTraceback
from mpzswap.machine.signals import uninterrupted
from mpzswap.machine.starter import Answer, Setup, StartChild, TellExit

# Imports take 0.2 s here; a cold disk and a loaded machine take many times that.
IMPORT_TIMEOUT_S = 30.0
# A fork takes milliseconds; the rest is for a loaded machine.
ANSWER_TIMEOUT_S = 5.0
# Just a look into a table.
EXIT_CODE_TIMEOUT_S = 1.0

# It may have to end children that we had to leave, with all its limits but the last,
# and then kills them.
LEAVE_TIMEOUT_S = ending.DRAIN_TIMEOUT_S + ending.TERM_TIMEOUT_S + 0.3

# What every child needs; the slowest imports of the package.
MODULES = (
    "numpy",
    "msgspec",
    "zstandard",
    "lz4.block",
    "isal.isal_zlib",
    "zlib_ng.zlib_ng",
)

# Threads of numpy's libraries would make the starter unsafe to fork, and processes
# are our way to use the cores.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
}


class Link:
    """Our side of the starter: the process and the socket of requests."""

    def __init__(self, modules: Sequence[str], clock: ClockConfig) -> None:
        self._process, end = start()
        self._channel = Channel(end)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._ready = False
        self._closed = False
        setup = msgspec.json.encode(Setup([*MODULES, *modules], clock))
        try:
            self._channel.send(Message(Kind.START, setup), ANSWER_TIMEOUT_S)
        except (ConnectionError, TimeoutError):
            # How it died is told to the first request.
            self._process.poll()

    @property
    def pid(self) -> int:
        """The starter's pid."""
        return self._process.pid

    def start_child(self, entry: str, name: str, control: socket.socket) -> Process:
        """Have a child forked that gets *control*."""
        with self._lock:
            number = next(self._numbers)
            request = StartChild(number, entry, name)
            answer, fds = self._ask(request, (control.fileno(),), ANSWER_TIMEOUT_S)
        if answer.failure is not None:
            raise MpzswapError(
                f"{name}: cannot be started: {answer.failure.summary}"
            ) from RemoteTraceback(answer.failure.traceback)
        return Process(answer.pid, fds[0], lambda: self.exit_code(number))

    def exit_code(self, child: int) -> int | None:
        """Give the exit code of the child of that number; None if not to be known."""
        with self._lock:
            request = TellExit(next(self._numbers), child)
            try:
                answer, _ = self._ask(request, (), EXIT_CODE_TIMEOUT_S)
            except (DeviceDiedError, ClosedError):
                return None
        return answer.exit_code

    def _ask(
        self, request: StartChild | TellExit, fds: tuple[int, ...], limit_s: float
    ) -> tuple[Answer, tuple[int, ...]]:
        if self._closed:
            raise ClosedError("starter: is closed, or belongs to our parent")
        message = Message(Kind.MESSAGE, msgspec.json.encode(request), fds)
        # The first answer is late: until then its imports ran beside us.
        limit_s += 0 if self._ready else IMPORT_TIMEOUT_S
        until = time.monotonic() + limit_s
        # It may have failed by itself, and said so: that is found below.
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._channel.send(message, limit_s)
        while True:
            message = self._receive(until, limit_s)
            answer = msgspec.json.decode(message.body, type=Answer)
            if answer.number == request.number:
                return answer, message.fds
            message.close_fds()

    def _receive(self, until: float, limit_s: float) -> Message:
        """Give the next answer, be it to a request that was interrupted."""
        while True:
            message = self._channel.receive(until - time.monotonic())
            if message is None:
                raise self._death(limit_s)
            if message.kind is Kind.FAILURE:
                failure = msgspec.json.decode(message.body, type=Failure)
                raise DeviceDiedError(
                    f"starter: {failure.summary}; no further child can be started"
                ) from RemoteTraceback(failure.traceback)
            if message.kind is Kind.MESSAGE:
                return message
            self._ready = True

    def _death(self, limit_s: float) -> DeviceDiedError:
        """Give the error; a starter that does not answer is not asked again."""
        how = f"did not answer within {limit_s:.1f} s"
        if self._channel.ended:
            how = self._how()
        self._process.kill()
        return DeviceDiedError(f"starter: {how}; no further child can be started")

    def _how(self) -> str:
        try:
            return describe(self._process.wait(ending.KILL_TIMEOUT_S))
        except subprocess.TimeoutExpired:
            return "closed its socket"

    def close(self) -> None:
        """Close the starter's socket and wait; it ends what children it still has."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        try:
            self._process.wait(LEAVE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(ending.KILL_TIMEOUT_S)

    def let_go(self) -> None:
        """In a fork of the user's process: close our copies, wait for nobody."""
        self._closed = True
        self._channel.close()
        # Another thread may have held it when the copy was made.
        self._lock = threading.Lock()
        # It is no child of ours; Popen would warn that it still runs.
        self._process.returncode = 0


def start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """
    Start the starter; give it, and our end of its socket.

    Raises:
        MpzswapError: the system does not let us.
    """
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as stack, theirs:
            stack.enter_context(ours)
            process = execute(theirs)
            stack.pop_all()
    except OSError as error:
        raise MpzswapError(f"starter: cannot be started: {error.strerror}") from error
    return process, ours


def execute(end: socket.socket) -> subprocess.Popen[bytes]:
    """Execute the starter with *end* of its socket as its standard input."""
    if not sys.executable:
        raise MpzswapError("starter: sys.executable is empty; there is no interpreter")
    folder = str(Path(version.__file__).resolve().parent)
    path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - a zip is no Path
    # Ctrl-C in the starter's first moments; the mask is inherited, a handler is not.
    with uninterrupted({signal.SIGINT}):
        return subprocess.Popen(  # noqa: S603 - our interpreter, our file
            [sys.executable, *interpreter_flags(), boot.__file__, folder, *path],
            stdin=end.fileno(),
            env=os.environ | ONE_THREAD,
        )


def interpreter_flags() -> list[str]:
    """Give the flags of this interpreter that change what is imported, and how."""
    flags = sys.flags
    # -P: neither the current directory nor boot.py's own hides a standard module.
    return ["-P"] + [
        flag
        for flag, given in (
            ("-B", flags.dont_write_bytecode),
            ("-E", flags.ignore_environment),
            ("-O", flags.optimize == 1),
            ("-OO", flags.optimize > 1),
            ("-S", flags.no_site),
            ("-s", flags.no_user_site),
        )
        if given
    ]
