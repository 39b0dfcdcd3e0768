"""
Write the anonymous memory of a live process to a page file.

A page file is pages of 4096 bytes one after another and nothing else, so that
``mpzswap stress --pages FILE`` can read it: the same real pages, again and again.

Exit status: 0 done; 1 the file could not be written; 2 wrong usage, or the process
cannot be read.
"""

import argparse
import contextlib
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.process import read_process

EXAMPLES = """\
examples:
  python tools/capture_pages.py 4711 heap.pages
  python tools/capture_pages.py 4711 heap.pages --limit 256M
  mpzswap stress --pages heap.pages

The process goes on meanwhile; nothing is changed in it.  Reading needs the rights of
a debugger: the same user and kernel.yama.ptrace_scope = 0, or CAP_SYS_PTRACE.  The
file can be read by you alone, for it holds whatever the process had in memory.
"""

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture, write, say what it was."""
    options = make_parser().parse_args(arguments)
    try:
        check_target(options.file)
        pages = read_process(options.pid, options.limit)
        write_atomically(options.file, pages)
    except InputError as error:
        return complain(str(error), EXIT_USAGE)
    except OSError as error:
        return complain(f"{options.file}: {error.strerror}", EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    print(f"{options.file}: {summary(pages)}")
    return EXIT_DONE


def make_parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="capture_pages.py",
        description="Write the anonymous memory of a live process to a page file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pid", metavar="PID", type=process_id, help="the process")
    parser.add_argument("file", metavar="FILE", type=Path, help="where to write")
    parser.add_argument(
        "--limit", metavar="SIZE", type=page_count, help="at most; with K, M or G"
    )
    return parser


def process_id(text: str) -> int:
    """Parse a process id."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"must be a number from 1 to 999999999, not {text!r}"
        )
    return int(text)


def page_count(text: str) -> int:
    """Parse a size and give the whole pages in it."""
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)", text.upper(), re.ASCII)
    pages = int(match[1]) * UNITS[match[2]] // PAGE_SIZE if match else 0
    if not pages:
        raise argparse.ArgumentTypeError(
            f"must be a size of at least a page (4K), as 512K or 2G, not {text!r}"
        )
    return pages


def check_target(file: Path) -> None:
    """Refuse to put a page file in the place of a device, a pipe or a folder."""
    if file.exists() and not file.is_file():
        raise InputError(f"{file}: exists and is not a regular file")


def write_atomically(file: Path, pages: Pages) -> None:
    """Write all of *pages* to *file*, or leave it as it was."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
            stream.write(pages.data)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def summary(pages: Pages) -> str:
    """Say how many pages there are and how many of them differ."""
    words = pages.view(np.uint64)
    same_filled = int((words == words[:, :1]).all(axis=1).sum())
    unique = len({page.tobytes() for page in pages})
    return f"{len(pages)} pages, {same_filled} same-filled, {unique} unique"


def complain(message: str, status: int) -> int:
    """Print one line and give *status*."""
    print(f"capture_pages.py: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
