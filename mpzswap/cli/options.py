"""Options that commands share, and what they mean: seed, progress, JSON, the end."""

import argparse
import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple, TextIO

import msgspec

from mpzswap.cli.parser import whole
from mpzswap.errors import InputError, MpzswapError
from mpzswap.page.source import DEFAULT_SOURCE
from mpzswap.report import progress
from mpzswap.topology.named import HOST

STDOUT = "-"

# The largest that JSON's readers keep whole is 2**53; ours is easier to type.
MAX_SEED = (1 << 53) - 1
DRAWN_SEEDS = 1 << 32

WriteJson = Callable[[object], None]


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    parser.add_argument(
        "--json", metavar="FILE", help="write JSON there; - is standard output"
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole(0, MAX_SEED),
        help="every random choice follows from it (default: drawn, and printed)",
    )
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument(
        "--quiet", action="store_true", help="print nothing but errors and --json -"
    )
    loud.add_argument(
        "--progress",
        action="store_true",
        help="show progress on standard error also where it is no terminal",
    )


def add_topology(parser: argparse.ArgumentParser) -> None:
    """Add the machine that a run is on."""
    parser.add_argument(
        "--topology",
        metavar="NAME or FILE",
        default=HOST,
        help="the machine (default: %(default)s, made for this one)",
    )
    add_changes(parser)


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Add what is to be different in a topology."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="changes",
        action="append",
        default=[],
        help="an attribute in place of the topology's: memory, timing, driver.NAME, "
        "zswap.NAME, or devices.NAME of all devices; may be given again",
    )


def add_pages(parser: argparse.ArgumentParser) -> None:
    """Add the pages that a run sends."""
    parser.add_argument(
        "--pages",
        metavar="SOURCE",
        default=DEFAULT_SOURCE,
        help="mix:NAME, a file or folder, pid:N (default: %(default)s)",
    )


# Before a run


def settle_seed(args: argparse.Namespace) -> None:
    """Draw a seed if none is given, and print it, before anything can fail."""
    if args.seed is None:
        args.seed = drawn_seed()
    if not args.quiet:
        stream = sys.stderr if args.json == STDOUT else sys.stdout
        print(said_seed(args.seed), file=stream, flush=True)


def drawn_seed() -> int:
    """Draw one."""
    return secrets.randbelow(DRAWN_SEEDS)


def said_seed(seed: int | tuple[int, ...]) -> str:
    """Give the seed, or the seeds of a sweep, in words."""
    if isinstance(seed, int):
        return f"seed {seed}"
    return f"seed{'s' if seed[1:] else ''} {','.join(map(str, seed))}"


def is_terminal(stream: TextIO) -> bool:
    """Tell whether *stream* is a terminal that understands escape codes."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def how_shown(args: argparse.Namespace) -> progress.How:
    """Give how progress is shown, as the options and the terminal have it."""
    if not args.quiet and is_terminal(sys.stderr):
        return "line"
    return "plain" if args.progress else "none"


@contextlib.contextmanager
def shown_progress(
    args: argparse.Namespace, duration_s: float = 0
) -> Iterator[progress.OnProgress]:
    """Give the progress as the options and the terminal have it; heeds signals."""
    with progress.shown(how_shown(args), sys.stderr, duration_s) as show:

        def on_progress(how_far: progress.HowFar) -> None:
            args.heed_signals()
            show(how_far)

        yield on_progress


@contextlib.contextmanager
def json_output(file: str | None) -> Iterator[WriteJson]:
    """
    Open the file of --json before the run; give what writes into it after.

    Until then it keeps what was in it, and if nothing is written, it is as it was.

    Raises:
        InputError: it cannot be written.
    """
    if file is None:
        yield lambda _: None
        return
    if file == STDOUT:
        yield lambda data: print(as_json(data), end="")
        return
    fresh = not os.path.lexists(file)
    try:
        # A pipe that nobody reads is refused, not waited for.
        fd = os.open(
            file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666
        )
        os.set_blocking(fd, True)
        opened = os.fdopen(fd, "ab", buffering=0)
    except OSError as error:
        raise InputError(f"--json: {file}: {error.strerror}") from error
    with opened:
        try:
            yield lambda data: write_json(opened, file, data)
        finally:
            if fresh and not opened.tell():
                os.unlink(file)  # noqa: PTH108 - the same


def write_json(opened: BinaryIO, file: str, data: object) -> None:
    """
    Write *data* in place of what is in the file.

    Raises:
        MpzswapError: the system does not let us.
    """
    try:
        if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            opened.truncate(0)
        left = memoryview(as_json(data).encode())
        while left:
            left = left[opened.write(left) :]
    except OSError as error:
        raise MpzswapError(f"--json: {file}: {error.strerror}") from error


def as_json(data: object) -> str:
    """Give *data* as JSON for people too: indented."""
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"


# After a run


class Outcome(NamedTuple):
    """What a run gave."""

    report: object
    # For people; may be told whether it is for a terminal.
    text: Callable[..., str]
    # What is wrong; nothing if all went well.
    problems: Iterable[str]


def hand_over(args: argparse.Namespace, write: WriteJson, outcome: Outcome) -> None:
    """
    Give the report to whom it is for: JSON, text.

    Raises:
        MpzswapError: something is wrong with the run, or JSON cannot be written.
    """
    try:
        write(outcome.report)
    finally:
        # Whatever becomes of the file, nobody has to do the run again.
        if args.json != STDOUT and not args.quiet:
            terminal = is_terminal(sys.stdout)
            print(outcome.text(outcome.report, terminal=terminal), end="")
    problems = list(outcome.problems)
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise MpzswapError(f"{said_seed(args.seed)}: {problems[0]}{more}")
