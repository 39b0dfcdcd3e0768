"""
``mpzswap``: find the command, run it, say in one line what went wrong.

This is the one place that catches.  Whatever is not caught here is a bug of ours
and shows its traceback.
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Protocol, TypeGuard, cast

from mpzswap.cli import (
    bench,
    chaos,
    options,
    selftest,
    stress,
    sweep,
    topology,
    validate,
)
from mpzswap.cli.parser import USAGE, Parser, one_line
from mpzswap.errors import InputError, MpzswapError
from mpzswap.version import __version__

PROG = "mpzswap"
FAILED = 1
# Shells give a process that a signal ended 128 and its number.
BY_SIGNAL = 128
# ``guarded`` catches one, and ``main`` one that comes while it does.
MAX_RAISED = 2


# What becomes of output that is not taken: a full disk or quota, a device's fault.
# Files of our own are opened and written where their errors are told.
UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Command(Protocol):
    """What the module of a command has."""

    NAME: str
    SUMMARY: str
    # Command lines without the program's name; the help ends with them.
    EXAMPLES: tuple[str, ...]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what only this command takes."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; 0 if all is well."""


# In the order in which a newcomer meets them.
COMMANDS = cast(
    "tuple[Command, ...]", (stress, bench, sweep, topology, selftest, validate, chaos)
)


class TerminatedError(BaseException):
    """SIGTERM; like Ctrl-C it is nobody's to catch but ours."""


class Signals:
    """
    Ctrl-C and SIGTERM become exceptions, so that every ``with`` ends its children.

    The second one hastens that; more would only hit us between two lines, where
    nobody could catch them.

    Attributes:
        seen: the first that came; 0: none.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._raised = 0
        self._before = {
            number: signal.signal(number, self._raise)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _raise(self, number: int, _: FrameType | None) -> None:
        self.seen = self.seen or number
        self._raised += 1
        if self._raised <= MAX_RAISED:
            raise KeyboardInterrupt if number == signal.SIGINT else TerminatedError

    def heed(self) -> None:
        """
        Raise once more what was seen; long runs ask now and then.

        Python ignores an exception that comes in a destructor or a callback, and so
        may have ignored the one that was to end the run.
        """
        if self.seen == signal.SIGINT:
            raise KeyboardInterrupt
        if self.seen:
            raise TerminatedError

    def status_of_end(self) -> int:
        """Let nothing more interrupt our end; give its exit status."""
        # Python has words for a signal that comes while it is being ignored.
        sys.unraisablehook = lambda _: None
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)
        return BY_SIGNAL + (self.seen or signal.SIGINT)

    def restore(self) -> None:
        """Give signals back to whom they belonged."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def make_parser(commands: Sequence[Command] = COMMANDS) -> Parser:
    """Make the parser of all commands."""
    parser = Parser(
        prog=PROG, description="zswap with IAA compress batching, in user space"
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    asked = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        lines = [f"  {PROG} {example}" for example in command.EXAMPLES]
        own = asked.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=command.SUMMARY,
            epilog="\n".join(["examples:", *lines]),
        )
        command.add_arguments(own)
        options.add_common(own)
        own.set_defaults(run=command.run)
    return parser


def main(
    argv: Sequence[str] | None = None, commands: Sequence[Command] = COMMANDS
) -> int:
    """Run a command; give the exit status."""
    open_closed()
    signals = Signals()
    try:
        status = guarded(argv, commands, signals)
    except (KeyboardInterrupt, TerminatedError):
        # A second one, between the end of a command and our ignoring it.
        status = signals.status_of_end()
    if not signals.seen:
        signals.restore()
    return status


def guarded(
    argv: Sequence[str] | None, commands: Sequence[Command], signals: Signals
) -> int:
    """Run a command, and turn what it raises on purpose into an exit status."""
    name = PROG
    try:
        args = make_parser(commands).parse_args(argv)
        name = f"{PROG} {args.command}"
        args.heed_signals = signals.heed
        status: int = args.run(args)
        # While an error can still be told.
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, TerminatedError) as error:
        if signals.seen:
            # Whatever else came of it, that is what happened: a second signal may come
            # between two lines of a library, and leave its lock as it was not.
            return signals.status_of_end()
        if not is_told(error):
            raise
        return explain(name, error)
    return status


def is_told(error: BaseException) -> bool:
    """Tell whether it is raised on purpose, or the host's; any other is a bug."""
    if is_systems(error):
        return error.errno in UNWRITABLE
    ours = (MpzswapError, MemoryError, KeyboardInterrupt, TerminatedError)
    return isinstance(error, ours)


def is_systems(error: BaseException) -> TypeGuard[OSError]:
    """Tell whether it is the system's; CompletionTimeoutError is one by its class."""
    return isinstance(error, OSError) and not isinstance(error, MpzswapError)


def explain(name: str, error: BaseException) -> int:
    """Say what went wrong; give the exit status."""
    if isinstance(error, BrokenPipeError):
        silence()
        return BY_SIGNAL + signal.SIGPIPE
    if is_systems(error):
        silence()
        message = f"standard output: {error.strerror}"
    else:
        message = str(error) or "the host has not enough memory"
    print(f"{name}: {one_line(message)}", file=sys.stderr)
    return USAGE if isinstance(error, InputError) else FAILED


def open_closed() -> None:
    """Let what is said through a closed standard file go nowhere, not elsewhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for good


def silence() -> None:
    """Throw away what nobody can read, else the interpreter complains at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
