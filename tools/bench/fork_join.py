"""
The fork-join limit: bare processes that do their parts of the pages, and nothing else.

    parent   "go" to each |.......... waits ..........| last "done"
    process 0             | its part, in a bare loop  |
    process 1             | its part, in a bare loop |

A process is a fork, on a core of its own where there are enough.  Commands come through
a pipe; each answer is a number through another.  It ends with its pipe, so with the
parent.
"""

import mmap
import os
import select
import signal
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mpzswap.codec.contract import Codec
from mpzswap.codec.table import make_codec
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError
from mpzswap.page.frame import PAGE_SIZE, Pages, page_views

# For a part of 64 MiB by the slowest codec there are a few seconds; a loaded machine.
ANSWER_LIMIT_S = 120.0
ANSWER = struct.Struct("<q")
NS_PER_US = 1000
# In the child, beside standard streams: commands and answers.
COMMANDS_FD, ANSWERS_FD, FIRST_OTHER_FD = 3, 4, 5

Work = Mapping[bytes, Callable[[], int]]


@dataclass(frozen=True)
class Bare:
    """A process, and our ends of its pipes."""

    pid: int
    commands: int
    answers: int


class Crew:
    """
    Bare processes that work at the same time; a context manager.

    Args:
        name: for messages.
        count: of processes.
        make_work: called in each with its number; gives what it does at each command,
            a byte.
    """

    def __init__(self, name: str, count: int, make_work: Callable[[int], Work]) -> None:
        self.name = name
        self._bare: list[Bare] = []
        self._stack = ExitStack()
        cores = sorted(os.sched_getaffinity(0))
        try:
            for number in range(count):
                own = {cores[number]} if count <= len(cores) else set(cores)
                self._start(number, own, make_work)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """They run already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self.close()

    def _start(
        self, number: int, cores: set[int], make_work: Callable[[int], Work]
    ) -> None:
        theirs, commands = os.pipe()
        answers, done = os.pipe()
        pid = os.fork()
        if not pid:
            become_bare(theirs, done, cores, partial(make_work, number))
        self._bare.append(Bare(pid, commands, answers))
        self._stack.callback(end, self._bare[-1])
        os.close(theirs)
        os.close(done)

    def ask(self, command: bytes) -> tuple[int, list[int]]:
        """
        Let all do *command*; give the ns from "go" to the last "done", and the answers.

        Raises:
            DeviceDiedError: one of them ended.
            CompletionTimeoutError: one of them did not answer.
        """
        began_ns = time.perf_counter_ns()
        for bare in self._bare:
            try:
                os.write(bare.commands, command)
            except BrokenPipeError:
                raise self._death(bare) from None
        answers = [self._await(bare) for bare in self._bare]
        return time.perf_counter_ns() - began_ns, answers

    def _await(self, bare: Bare) -> int:
        poll = select.poll()
        poll.register(bare.answers, select.POLLIN)
        if not poll.poll(ANSWER_LIMIT_S * 1000):
            raise CompletionTimeoutError(
                f"{self.name}: process {bare.pid}: no answer within {ANSWER_LIMIT_S} s"
            )
        answer = os.read(bare.answers, ANSWER.size)
        if len(answer) < ANSWER.size:
            raise self._death(bare)
        number: int = ANSWER.unpack(answer)[0]
        return number

    def _death(self, bare: Bare) -> DeviceDiedError:
        return DeviceDiedError(f"{self.name}: process {bare.pid} ended unasked")

    def close(self) -> None:
        """End every process; it may be repeated."""
        self._stack.close()


def become_bare(
    commands: int, answers: int, cores: set[int], make_work: Callable[[], Work]
) -> None:
    """Be a bare process until the pipe ends; does not return."""
    status = 1
    try:
        # Ctrl-C is the parent's; ends of other pipes would keep their owners alive.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        commands, answers = os.dup(commands), os.dup(answers)
        os.dup2(commands, COMMANDS_FD)
        os.dup2(answers, ANSWERS_FD)
        os.closerange(FIRST_OTHER_FD, os.sysconf("SC_OPEN_MAX"))
        os.sched_setaffinity(0, cores)
        work = make_work()
        while command := os.read(COMMANDS_FD, 1):
            os.write(ANSWERS_FD, ANSWER.pack(work[command]()))
        status = 0
    finally:
        # The parent has buffers to flush and objects to end that are not ours.
        os._exit(status)


def end(bare: Bare) -> None:
    """End a process that holds nothing, whatever it does, and take its status."""
    os.close(bare.commands)
    os.close(bare.answers)
    os.kill(bare.pid, signal.SIGKILL)
    os.waitpid(bare.pid, 0)


@dataclass(frozen=True, eq=False)
class Area:
    """Memory that bare processes share: pages, and room for what becomes of them."""

    pages: Pages
    results: Pages
    # 1 where a page did not compress.
    raw: NDArray[np.uint8]

    @classmethod
    def of(cls, pages: Pages) -> Self:
        """Copy pages into shared memory."""
        area = cls(shared(pages.nbytes), shared(pages.nbytes), shared(len(pages)))
        area = cls(
            area.pages.reshape(pages.shape), area.results.reshape(pages.shape), area.raw
        )
        area.pages[:] = pages
        # Faulted in once, as room that is used again is.
        area.results[:] = 0
        return area


def shared(size: int) -> NDArray[np.uint8]:
    """Give anonymous memory that forks share."""
    return np.frombuffer(mmap.mmap(-1, size), np.uint8)


class ForkJoin:
    """
    The limit of a codec: as many bare processes as devices, over the same pages.

    Processes are forked: make all of them before machines and threads.
    """

    def __init__(self, name: str, area: Area, count: int) -> None:
        self._nr_pages = len(area.pages)
        self.crew = Crew(
            f"limit of {name}", count, partial(bare_work, name, area, count)
        )
        try:
            _, sizes = self.crew.ask(b"e")
        except BaseException:
            self.crew.close()
            raise
        self.ratio = area.pages.nbytes / sum(sizes)
        # Those that a codec made smaller; others are not decompressed.
        self.compressible = np.flatnonzero(area.raw == 0)

    def __enter__(self) -> Self:
        """They run already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self.crew.close()

    def compress(self, *, kept: bool) -> dict[str, float]:
        """Compress all pages; *kept*: results are written to shared memory."""
        elapsed_ns, _ = self.crew.ask(b"C" if kept else b"c")
        us = elapsed_ns / NS_PER_US / self._nr_pages
        return {"us/page": us, "ratio": self.ratio}

    def decompress(self, *, kept: bool) -> dict[str, float]:
        """Decompress all that is compressible; *kept* as of ``compress``."""
        elapsed_ns, _ = self.crew.ask(b"D" if kept else b"d")
        return {"us/page": elapsed_ns / NS_PER_US / max(1, len(self.compressible))}


def share(nr_pages: int, count: int, number: int) -> slice:
    """Give the part of process *number* of *count*."""
    return slice(nr_pages * number // count, nr_pages * (number + 1) // count)


def bare_work(name: str, area: Area, count: int, number: int) -> Work:
    """Give what process *number* of *count* does."""
    own = share(len(area.pages), count, number)
    part = Part(
        make_codec(name),
        page_views(area.pages[own]),
        area.results[own].data.cast("B"),
    )
    raw = area.raw[own]
    return {
        b"e": lambda: part.encode(raw),
        b"c": part.compress,
        b"C": part.compress_kept,
        b"d": part.decompress,
        b"D": part.decompress_kept,
    }


class Part:
    """Pages of a bare process: loops with nothing in them that need not be."""

    def __init__(
        self, codec: Codec, views: list[memoryview], results: memoryview
    ) -> None:
        self._codec = codec
        self._views = views
        self._results = results
        self._streams: list[memoryview] = []

    def encode(self, raw: NDArray[np.uint8]) -> int:
        """Prepare the streams to decompress; give the bytes of all pages."""
        streams = [self._codec.compress(view) for view in self._views]
        raw[:] = [len(stream) >= PAGE_SIZE for stream in streams]
        self._streams = [
            memoryview(stream) for stream in streams if len(stream) < PAGE_SIZE
        ]
        return sum(min(len(stream), PAGE_SIZE) for stream in streams)

    def compress(self) -> int:
        """Drop the results."""
        compress = self._codec.compress
        for view in self._views:
            compress(view)
        return 0

    def compress_kept(self) -> int:
        """Put them one behind the other; what does not compress is kept as it is."""
        compress, results = self._codec.compress, self._results
        at = 0
        for view in self._views:
            stream: bytes | memoryview = compress(view)
            size = len(stream)
            if size >= PAGE_SIZE:
                stream, size = view, PAGE_SIZE
            results[at : at + size] = stream
            at += size
        return at

    def decompress(self) -> int:
        """Drop the results."""
        decompress = self._codec.decompress
        for stream in self._streams:
            decompress(stream, PAGE_SIZE)
        return 0

    def decompress_kept(self) -> int:
        """Put them one behind the other."""
        decompress, results = self._codec.decompress, self._results
        at = 0
        for stream in self._streams:
            results[at : at + PAGE_SIZE] = decompress(stream, PAGE_SIZE)
            at += PAGE_SIZE
        return at
