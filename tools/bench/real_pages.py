"""
Real pages: what compressors are compared on.

Generated pages flatter one compressor and not another.  Where a user names none, they
are the files of the installed numpy: machine code, text and tables, which everybody has
who has mpzswap.
"""

import bz2
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE, Pages, as_pages
from mpzswap.page.source import PageSource, load_pages
from mpzswap.topology.size import format_size, parse_size

NUMPY = str(Path(np.__file__).parent)
# More than caches hold.
MEMORY = "64M"
PACKED = ".bz2"


def prefer_real(parser: ArgumentParser) -> None:
    """Let the pages be real where a user names none."""
    parser.set_defaults(pages=NUMPY, memory=MEMORY)


def load_real(options: Namespace) -> PageSource:
    """
    Load --memory of --pages: shuffled by --seed, repeated or cut.

    Pages of one word over and over are taken out: zswap, zram and everybody keep those
    without compressing them.

    Raises:
        InputError: the source is wrong, or gives no other pages.
    """
    count = parse_size(options.memory) // PAGE_SIZE
    if not count:
        raise InputError(f"memory: {options.memory}: must be at least {PAGE_SIZE}")
    if is_packed(Path(options.pages)):
        found = PageSource(options.pages, *unpack(Path(options.pages)))
    else:
        # A mix has no end.
        wanted = count if options.pages.startswith("mix:") else None
        found = load_pages(options.pages, wanted, options.seed)
    pages = without_same_filled(found.pages)
    if not len(pages):
        raise InputError(f"pages {options.pages}: all are same-filled")
    order = np.random.default_rng(options.seed).permutation(len(pages))
    chosen = np.ascontiguousarray(pages[np.resize(order, count)])
    chosen.setflags(write=False)
    description = (
        f"{found.description}: {format_size(len(pages) * PAGE_SIZE)} that are not "
        f"same-filled, shuffled by seed {options.seed}, of which "
        f"{format_size(chosen.nbytes)}"
    )
    return PageSource(options.pages, chosen, description)


def is_packed(path: Path) -> bool:
    """Say whether there is a file to decompress."""
    if path.is_dir():
        return any(path.rglob(f"*{PACKED}"))
    return path.suffix == PACKED


def unpack(path: Path) -> tuple[Pages, str]:
    """Decompress a file, or those of a folder; its other files are left out."""
    files = sorted(path.rglob(f"*{PACKED}")) if path.is_dir() else [path]
    data = bytearray()
    for file in files:
        try:
            data += bz2.decompress(file.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"pages: {file}: {error}") from error
        data += bytes(-len(data) % PAGE_SIZE)
    return as_pages(data), f"{path}: {len(files)} files, decompressed"


def without_same_filled(pages: Pages) -> Pages:
    """
    Leave out pages of one word over and over.

    Source: Linux 6.12, mm/zswap.c: zswap_is_page_same_filled.
    """
    words = pages.view(np.uint64)
    same = (words == words[:, :1]).all(axis=1)
    kept: Pages = pages[~same]
    return kept
