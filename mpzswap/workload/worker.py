"""
A worker process: writes its pages, touches them again, checks every byte.

    ready -> "go" -> for each round: write all pages | touch and check all |
          -> the result, over the control socket -> leave when the parent lets go

Workers meet at each bar, so that all of them write, or all of them check, and the
speed of either is that of so many workers at once.

Where nothing is to be checked, a round is a stretch of writing alone.

As vm-scalability's usemem does, pages are written in order, which drives the ones
written first out of memory; reading them in order brings each back once.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from mpzswap.acomp.stages import StageSums
from mpzswap.clock import steps as clock
from mpzswap.clock.histogram import SparseHistogram
from mpzswap.errors import MpzswapError
from mpzswap.machine.board import CpuWord
from mpzswap.machine.control import ChildControl
from mpzswap.machine.stats import Books
from mpzswap.machine.submitter import Submitter, SubmitterConfig, adopt_submitter
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.ring.memory import Frames, Segment
from mpzswap.topology.settings import ZswapSettings
from mpzswap.workload.ledger import LedgerWords
from mpzswap.workload.memory import Memory, Where
from mpzswap.zswap.reclaim_plug import PlugStats
from mpzswap.zswap.stats import ZswapStats
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.swap_file import SwapFile, swap_folder
from mpzswap.zswap.writeback import SWAP_CLUSTER_MAX
from mpzswap.zswap.zswap import Zswap

# All workers get ready before one begins; 72 of them share a core or two.
GO_TIMEOUT_S = 300.0
# The parent's end is an event of the socket; this is the limit of one wait for it.
LOOK_INTERVAL_S = 1.0
# Behind a worker's pages: where those are decompressed that go to the swap file.
SPARE_PAGES = SWAP_CLUSTER_MAX
# A page that could not be loaded is named; more of them only counted.
MAX_PROBLEMS = 5
# Between two looks at how far the others are: short beside a stretch of work.
MEET_INTERVAL_NS = 1_000_000
ALL_STRETCHES = 1 << 62
# Folios between two looks whether the parent has let go: a look costs 2 us.
LOOK_EVERY = 16


class WorkerConfig(msgspec.Struct, frozen=True):
    """What a worker is told; travels as JSON."""

    submitter: SubmitterConfig
    zswap: ZswapSettings
    number: int
    workers: int
    limit_pages: int
    folio_pages: int
    reclaim_batch: int
    # Pages of each swap area; none: what zswap does not take stays.
    swap_areas: tuple[int, ...]
    # Nodes that the folios lie on, in turn.
    nodes: tuple[int, ...]
    rounds: int
    duration_s: float
    # Of so many folios one is given up instead of checked; 0: none.
    drop_every: int
    # Whether pages are touched again and checked.
    verify: bool
    # The segment of the pages that are written, shared by all workers.
    source: int
    # How long it waits, once it is told to begin.
    delay_ns: int = 0


class WorkerResult(msgspec.Struct):
    """What a worker has done; travels as JSON."""

    zswap: ZswapStats
    books: Books
    # Where pages spent their time, where that is counted.
    store_stages: StageSums
    load_stages: StageSums
    store_page: SparseHistogram
    load_page: SparseHistogram
    batch: SparseHistogram
    rounds: int
    pages_written: int
    # Pages that came back, by our own count: those read ahead are among them.
    pages_loaded: int
    # Pages that it handed over, gave up while they were swapped, and has swapped now.
    pages_out: int
    pages_dropped: int
    pages_swapped: int
    swap_ra: int
    swap_ra_hit: int
    reclaim: PlugStats
    pages_checked: int
    pages_wrong: int
    pages_lost: int
    write_ns: int
    check_ns: int
    # What its clock counted of its steps.
    steps: clock.Books
    cpu_s: float
    problems: list[str]


class LetGo(Exception):  # noqa: N818 - not an error: the parent needs us no more
    """The parent has closed its end of the control socket."""


class Usemem:
    """The workload of one worker."""

    def __init__(
        self,
        config: WorkerConfig,
        submitter: Submitter,
        source: Pages,
        is_over: Callable[[], bool],
    ) -> None:
        assert submitter.memory is not None
        board, column = submitter.board, submitter.config.column
        nr_pages = len(submitter.memory) - SPARE_PAGES
        spare = submitter.memory.part(nr_pages, SPARE_PAGES)
        self._areas = open_areas(config.swap_areas, spare)
        self.zswap = Zswap(
            config.zswap,
            submitter.driver,
            submitter.pool_limit(config.zswap),
            submitter.clock,
            self._areas,
        )
        self.pages_written = 0
        self.pages_checked = 0
        self.pages_wrong = 0
        self.pages_lost = 0
        self.write_ns = 0
        self.check_ns = 0
        self.rounds = 0
        self.problems: list[str] = []
        self._config = config
        self._is_over = is_over
        self._clock = submitter.clock
        self._source = source
        self._written = board.cpu_row(CpuWord.PAGES_WRITTEN)[column : column + 1]
        self._checked = board.cpu_row(CpuWord.PAGES_CHECKED)[column : column + 1]
        self._wrong = board.cpu_row(CpuWord.PAGES_WRONG)[column : column + 1]
        self._lost = board.cpu_row(CpuWord.PAGES_LOST)[column : column + 1]
        self._ledger = LedgerWords(board, column)
        self.memory = Memory(
            submitter.memory.part(0, nr_pages),
            self.zswap,
            config.limit_pages // config.workers,
            config.reclaim_batch,
            config.zswap.page_cluster,
            submitter.clock,
            config.nodes,
        )
        self._column = column
        self._stretches = board.cpu_row(CpuWord.STRETCHES)[: config.workers]
        # Made here, as a page's first use is, and not while the clock runs.
        assert self.memory.frames.views
        # How far ahead in the source the content of each page is; workers begin apart.
        self._shift = 0
        self._stride = len(source) * config.number // config.workers

    def run(self) -> None:
        """
        Do all rounds, or as many as the duration gives; each is finished.

        Raises:
            LetGo: the parent has let go of us meanwhile.
        """
        # However long we waited for the word: time counts from here on.
        self._clock.sleep_ns(self._config.delay_ns)
        began_ns = self._clock.now_ns()
        round_ns = -1
        while self.rounds == 0 or not self._is_done(began_ns, round_ns):
            round_ns = self._clock.now_ns()
            self._write_all()
            self._meet()
            if self._config.verify:
                self._check_all()
                self._meet()
            self.rounds += 1
        # Those that go on, since their time is not over, wait for us no more.
        self._stretches[self._column] = ALL_STRETCHES

    def _meet(self) -> None:
        """Wait until every worker is as far as we are; the parent sees who is stuck."""
        reached = self._stretches[self._column] + 1
        self._stretches[self._column] = reached
        while min(self._stretches) < reached:
            if self._is_over():
                raise LetGo
            self._clock.sleep_ns(MEET_INTERVAL_NS)

    def _is_done(self, began_ns: int, round_ns: int) -> bool:
        if self._config.rounds and self.rounds >= self._config.rounds:
            return True
        if not self._config.duration_s:
            return False
        now_ns = self._clock.now_ns()
        # Where time is made up a round may take none, and then no round will; the
        # first may have waited for workers that began later.
        return now_ns == round_ns or now_ns - began_ns > self._config.duration_s * 1e9

    def _folios(self) -> Iterator[range]:
        """Give the pages of each folio in turn, looking up now and then."""
        nr_pages, step = len(self.memory.frames), self._config.folio_pages
        for number, first in enumerate(range(0, nr_pages, step)):
            if number % LOOK_EVERY == 0:
                self._ledger.publish(self.zswap.stats())
                if self._is_over():
                    raise LetGo
            yield range(first, min(first + step, nr_pages))

    def end(self) -> None:
        """Give all memory back, so that the others have it."""
        self.memory.forget()

    def close_files(self) -> None:
        """Give the swap files back, whatever is in them; it may be repeated."""
        if self._areas is not None:
            self._areas.close()

    def _write_all(self) -> None:
        """Write every page, folio by folio; each round something else."""
        started_ns = self._clock.now_ns()
        # A prime: no round repeats another.
        self._shift = self._stride + self.rounds * 7919
        array = self.memory.frames.array
        for pages in self._folios():
            first, count = pages.start, len(pages)
            self._touch(first, count)
            array[first : first + count] = self._content(first, count)
            self.pages_written += count
            self._written[0] = self.pages_written
        self.write_ns += self._clock.now_ns() - started_ns

    def _content(self, first: int, count: int) -> Pages:
        """Give what is in pages in this round: a view of the source, nearly always."""
        source = self._source
        start = (first + self._shift) % len(source)
        if start + count <= len(source):
            return source[start : start + count]
        return source.take(range(start, start + count), axis=0, mode="wrap")

    def _check_all(self) -> None:
        """Touch every page and compare it with what was written, or give it up."""
        started_ns = self._clock.now_ns()
        every = self._config.drop_every
        for number, pages in enumerate(self._folios(), 1):
            kept = [pages]
            if every and number % every == 0:
                kept = [range(page, page + 1) for page in self.memory.drop(pages)]
            for part in kept:
                self._touch(part.start, len(part))
                self._check(part)
            # Those that were given up are done with as well.
            self.pages_checked += len(pages)
            self._checked[0] = self.pages_checked
        self.check_ns += self._clock.now_ns() - started_ns

    def _touch(self, first: int, count: int) -> None:
        try:
            self.memory.touch(first, count)
        except MpzswapError as error:
            self._note(f"worker {self._config.number}: {error}")

    def _check(self, pages: range) -> None:
        """Compare pages; one that is still swapped after a touch is lost."""
        first, last = pages.start, pages.stop
        where = self.memory.where[first:last]
        expected = self._content(first, len(pages)).view(np.uint64)
        found = self.memory.frames.array[first:last].view(np.uint64)
        same = (found == expected).all(axis=1)
        if where.count(Where.RESIDENT) == len(pages) and same.all():
            return
        for page in pages:
            if where[page - first] != Where.RESIDENT:
                self.pages_lost += 1
                self._lost[0] = self.pages_lost
                self._note(f"worker {self._config.number}: page {page} is lost")
            elif not same[page - first]:
                self.pages_wrong += 1
                self._wrong[0] = self.pages_wrong
                self._note(f"worker {self._config.number}: page {page} is wrong")

    def _note(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def main(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Be a worker; *fds* are the source segment and the submitter's."""
    told = msgspec.json.decode(config, type=WorkerConfig)
    source = Segment.map(told.source, fds[0])
    submitter = adopt_submitter(told.submitter, fds[1:], control.clock)
    pages = source.frames(0, source.size // PAGE_SIZE).array

    def is_over() -> bool:
        control.receive_nowait()
        return control.draining

    usemem = Usemem(told, submitter, pages, is_over)
    try:
        work(usemem, submitter, control)
    finally:
        # No process ends here where time is made up.
        usemem.close_files()


def work(usemem: Usemem, submitter: Submitter, control: ChildControl) -> None:
    """Wait for the word, write and check, give the result, and wait to be let go."""
    control.ready()
    if control.receive(GO_TIMEOUT_S) is None:
        return
    try:
        usemem.run()
    except LetGo:
        return
    result = result_of(usemem, submitter)
    usemem.end()
    control.send(msgspec.json.encode(result))
    while not control.draining:
        control.receive(LOOK_INTERVAL_S)


def open_areas(sizes: Sequence[int], frames: Frames) -> SwapAreas | None:
    """
    Make a worker's swap files, of so many pages each; None for none.

    Raises:
        MpzswapError: the folder for temporary files does not permit it.
    """
    if not sizes:
        return None
    folder = swap_folder()
    try:
        return SwapAreas([SwapFile.create(folder, size) for size in sizes], frames)
    except OSError as error:
        raise MpzswapError(f"swap file in {folder}: {error.strerror}") from error


def result_of(usemem: Usemem, submitter: Submitter) -> WorkerResult:
    """Put together what the parent adds up."""
    latency = usemem.zswap.latency
    return WorkerResult(
        zswap=usemem.zswap.stats(),
        books=Books.of_drivers(submitter.config.topology, [submitter.driver]),
        store_stages=latency.store_stages,
        load_stages=latency.load_stages,
        store_page=latency.store_page.to_sparse(),
        load_page=latency.load_page.to_sparse(),
        batch=latency.batch.to_sparse(),
        rounds=usemem.rounds,
        pages_written=usemem.pages_written,
        pages_loaded=usemem.memory.pages_loaded,
        pages_out=usemem.memory.pages_out,
        pages_dropped=usemem.memory.pages_dropped,
        pages_swapped=usemem.memory.where.count(Where.SWAPPED),
        swap_ra=usemem.memory.swap_ra,
        swap_ra_hit=usemem.memory.swap_ra_hit,
        reclaim=usemem.memory.reclaim,
        pages_checked=usemem.pages_checked,
        pages_wrong=usemem.pages_wrong,
        pages_lost=usemem.pages_lost,
        write_ns=usemem.write_ns,
        check_ns=usemem.check_ns,
        steps=submitter.clock.books(),
        cpu_s=submitter.clock.cpu_ns() / 1e9,
        problems=usemem.problems,
    )
