"""
``--stats``: the counters of a run in the kernel's own layout, printed or as files.

    kernel        on standard output, in place of the table
    kernel:DIR    files below DIR, by the kernel's paths; the table is printed as ever
"""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from mpzswap.cli.options import STDOUT, WriteJson
from mpzswap.errors import InputError, MpzswapError
from mpzswap.report.kernel_files import PATHS, kernel_files, text
from mpzswap.report.records import StressReport

KERNEL = "kernel"
# Of a wrong value, so that the line about it is one.
MAX_SHOWN = 32

WriteStats = Callable[[StressReport], None]


class Stats(NamedTuple):
    """What was asked for."""

    # The root of the files; None: standard output.
    folder: Path | None


def add_stats(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--stats",
        metavar=f"{KERNEL}[:DIR]",
        type=read_stats,
        help="the counters as the files of the kernel's zswap, iaa_crypto and vmstat: "
        "printed in place of the table, also with --quiet, or written below DIR",
    )


def read_stats(value: str) -> Stats:
    """Read the option."""
    layout, colon, folder = value.partition(":")
    if layout != KERNEL or (colon and not folder):
        raise argparse.ArgumentTypeError(
            f"{value[:MAX_SHOWN]!r}: must be {KERNEL} or {KERNEL}:DIR"
        )
    return Stats(Path(folder) if colon else None)


def check_stats(args: argparse.Namespace) -> None:
    """
    Refuse what goes with no ``--stats``.

    Raises:
        InputError: another option is in its way.
    """
    stats: Stats | None = args.stats
    if stats is not None and args.compare:
        raise InputError("--stats: not with --compare: the files are of one run")
    if replaces_table(stats) and args.json == STDOUT:
        raise InputError(
            f"--stats {KERNEL}: not with --json {STDOUT}, which has standard output; "
            f"{KERNEL}:DIR writes files"
        )


def replaces_table(stats: Stats | None) -> bool:
    """Tell whether standard output is for the stats."""
    return stats is not None and stats.folder is None


@contextlib.contextmanager
def stats_output(stats: Stats | None) -> Iterator[WriteStats]:
    """
    Make the files before the run; give what fills them after it.

    If it is not called, the folder is as it was.

    Raises:
        InputError: they cannot be written.
    """
    if stats is None:
        yield lambda _: None
        return
    folder = stats.folder
    if folder is None:
        yield lambda report: print(text(report), end="")
        return
    with contextlib.ExitStack() as undo:
        for path in PATHS:
            claim(folder / path, undo)
        yield lambda report: write_files(folder, report, undo)


def with_stats(write: WriteJson, write_stats: WriteStats) -> WriteJson:
    """Give what writes JSON, and then the stats whatever became of it."""

    def write_both(report: object) -> None:
        try:
            write(report)
        finally:
            # A comparison has none.
            if isinstance(report, StressReport):
                write_stats(report)

    return write_both


def claim(file: Path, undo: contextlib.ExitStack) -> None:
    """
    Make a file and its folders where they are not; *undo* takes them away again.

    Raises:
        InputError: it cannot be written.
    """
    try:
        missing = [parent for parent in file.parents if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir()
            undo.callback(remove_folder, parent)
        if not os.path.lexists(file):
            undo.callback(file.unlink, missing_ok=True)
        # A pipe that nobody reads is refused, not waited for, and so is a link that
        # leads nowhere: what it would make is not ours to take away.
        made = os.O_CREAT if not file.is_symlink() else 0
        os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK | made, 0o666))
    except OSError as error:
        raise InputError(f"--stats: {error.filename}: {error.strerror}") from error


def remove_folder(folder: Path) -> None:
    """Remove a folder that we made, unless others have put something there."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def write_files(folder: Path, report: StressReport, undo: contextlib.ExitStack) -> None:
    """
    Fill the files, which then stay.

    Raises:
        MpzswapError: the system does not let us.
    """
    for path, content in kernel_files(report):
        file = folder / path
        try:
            file.write_text(content, encoding="utf-8")
        except OSError as error:
            raise MpzswapError(f"--stats: {file}: {error.strerror}") from error
    undo.pop_all()
