"""
Peers: what a Python program would compress many pages with instead.

Each is at the level of the codec that it stands beside, keeps its results, and is given
the pages as it likes them best, made ready once.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import numpy as np
import zstandard

from mpzswap.codec.contract import Codec
from mpzswap.codec.table import make_codec
from mpzswap.errors import MpzswapError
from mpzswap.page.frame import PAGE_SIZE, Pages, page_views
from tools.bench.contest import Contestant
from tools.bench.fork_join import ANSWER_LIMIT_S, NS_PER_US, Area

T = TypeVar("T")

# Both are run, and the better one counts.
CHUNKS = (64, 512)
# c-blosc2, blosc/blosc2.c: zstd_wrap_compress takes 2 * clevel - 1, and get_accel of
# lz4 10 - clevel.
BLOSC_LEVELS = {"zstd:1": ("ZSTD", 1), "zstd": ("ZSTD", 2), "lz4": ("LZ4", 9)}

Figures = Mapping[str, float]


def figures(nr_pages: int, compress: Callable[[], int]) -> Figures:
    """Time *compress*, which gives how many bytes came out."""
    began_ns = time.perf_counter_ns()
    size = compress()
    elapsed_ns = time.perf_counter_ns() - began_ns
    return {
        "us/page": elapsed_ns / NS_PER_US / nr_pages,
        "ratio": nr_pages * PAGE_SIZE / size,
    }


def cut(nr_pages: int, chunk: int) -> list[range]:
    """Give the pages of each task."""
    firsts = range(0, nr_pages, chunk)
    return [range(first, min(first + chunk, nr_pages)) for first in firsts]


def run_all(
    executor: Executor, run: Callable[[range], T], tasks: Sequence[range]
) -> list[T]:
    """
    Give what comes of all tasks, and keep it.

    Raises:
        MpzswapError: a process of the pool ended, or there is no end.
    """
    try:
        return list(executor.map(run, tasks, timeout=ANSWER_LIMIT_S))
    except BrokenExecutor as error:
        raise MpzswapError(f"pool: {error}") from error
    except TimeoutError as error:
        raise MpzswapError(f"pool: not done within {ANSWER_LIMIT_S} s") from error


def compress_views(codec: Codec, views: Sequence[memoryview]) -> list[bytes]:
    """Compress each page."""
    compress = codec.compress
    return [compress(view) for view in views]


class ThreadPeer:
    """Threads of one process, a codec each."""

    def __init__(self, name: str, pages: Pages, executor: Executor) -> None:
        self._name = name
        self._views = page_views(pages)
        self._executor = executor
        self._own = threading.local()

    def run(self, chunk: int) -> Figures:
        """Compress all pages."""
        return figures(len(self._views), partial(self._compress, chunk))

    def _compress(self, chunk: int) -> int:
        tasks = cut(len(self._views), chunk)
        parts = run_all(self._executor, self._compress_part, tasks)
        return sum(sum(map(len, part)) for part in parts)

    def _compress_part(self, part: range) -> list[bytes]:
        if not hasattr(self._own, "codec"):
            self._own.codec = make_codec(self._name)
        return compress_views(self._own.codec, self._views[part.start : part.stop])


@cache
def codec_of_process(name: str) -> Codec:
    """Give the codec of a process of a pool, which is made once."""
    return make_codec(name)


# What the processes of a pool were forked with: pages need not be sent to them.
_forked_views: list[memoryview] = []


def remember(area: Area) -> None:
    """Begin a process of a pool; it ends with its parent, who has Ctrl-C alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=leave_with_parent, daemon=True).start()
    _forked_views[:] = page_views(area.pages)


def leave_with_parent() -> None:
    """Wait for the parent's end, in a thread of its own."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a pool's process has one"
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def compress_in_process(name: str, part: range) -> tuple[bytes, list[int]]:
    """Compress pages there; one object comes back sooner than many."""
    views = _forked_views[part.start : part.stop]
    streams = compress_views(codec_of_process(name), views)
    return b"".join(streams), [*map(len, streams)]


def run_in_processes(
    name: str, nr_pages: int, executor: Executor, chunk: int
) -> Figures:
    """Compress all pages in a pool of processes."""

    def compress() -> int:
        task = partial(compress_in_process, name)
        parts = run_all(executor, task, cut(nr_pages, chunk))
        return sum(len(streams) for streams, _ in parts)

    return figures(nr_pages, compress)


def run_multi(
    compressor: zstandard.ZstdCompressor,
    pages: zstandard.BufferWithSegments,
    threads: int,
) -> Figures:
    """Compress all pages by zstandard's own threads."""

    def compress() -> int:
        return compressor.multi_compress_to_buffer(pages, threads=threads).size()

    return figures(len(pages), compress)


def multi_peer(name: str, pages: Pages, threads: int) -> Contestant:
    """Give zstandard with threads of its own."""
    level = make_codec(name).level
    assert level is not None, "zstd has levels"
    # zstandard, BufferWithSegments: offset and length of each, 64 bits.
    segments = np.full((len(pages), 2), PAGE_SIZE, np.uint64)
    segments[:, 0] = np.arange(len(pages)) * PAGE_SIZE
    source = zstandard.BufferWithSegments(pages.tobytes(), segments.tobytes())
    compressor = zstandard.ZstdCompressor(level=level)
    run = partial(run_multi, compressor, source, threads)
    return Contestant("multi_compress_to_buffer", run)


def blosc_peer(blosc2: Any, name: str, pages: Pages, threads: int) -> Contestant:  # noqa: ANN401 - a module that need not be there
    """Give blosc2 with blocks of a page each."""
    codec, level = BLOSC_LEVELS[name]
    parameters = blosc2.CParams(
        codec=blosc2.Codec[codec],
        clevel=level,
        typesize=1,
        nthreads=threads,
        blocksize=PAGE_SIZE,
        splitmode=blosc2.SplitMode.NEVER_SPLIT,
        filters=[blosc2.Filter.NOFILTER] * 6,
    )
    data = pages.reshape(-1)

    def compress() -> int:
        return len(blosc2.compress2(data, cparams=parameters))

    return Contestant("blosc2", partial(figures, len(pages), compress))


def pool_peers(
    name: str, pages: Pages, threads: ThreadPoolExecutor, processes: Executor
) -> Iterator[Contestant]:
    """Give both pools with chunks of each size."""
    peer = ThreadPeer(name, pages, threads)
    for chunk in CHUNKS:
        yield Contestant(f"threads, chunks of {chunk}", partial(peer.run, chunk))
    for chunk in CHUNKS:
        run = partial(run_in_processes, name, len(pages), processes, chunk)
        yield Contestant(f"processes, chunks of {chunk}", run)
