"""
Where did the time go?

Of each page that is stored: from the moment its request is begun until it is put away.

    prepare | queue | execute | unseen | store
            |       |         |        `- harvested, until its request is put away
            |       |         `- done by the device, until the submitter has harvested
            |       `- in the engine
            `- published, until a device takes it

The processor time beside them is of empty polls, of the pauses after them, and of the
devices, which poll as well before they sleep.

The pages of a request share its time, and two sub-batches are in flight: so a page's
time is longer than what it costs, which is "elapsed".  Stamps are taken from outside:
functions of the driver and of the pipeline are wrapped, and those of the device are
read from the completion records before they are used again.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Request
from mpzswap.cli.parser import whole
from mpzswap.completion.record import RECORD, RECORD_BYTES
from mpzswap.driver.iaa_crypto import IaaCrypto
from mpzswap.driver.portal import PortalLayout
from mpzswap.driver.request import ours
from mpzswap.errors import MpzswapError
from mpzswap.machine.core import Core
from mpzswap.machine.machine import Machine
from mpzswap.machine.store import nr_buffers
from mpzswap.machine.submitter import SubmitterConfig
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.source import load_pages
from mpzswap.ring.memory import Frames, address
from mpzswap.topology.model import MAX_DEVICES, Topology
from mpzswap.topology.settings import Batching
from mpzswap.topology.size import parse_size
from mpzswap.workload.bench_plan import MAX_BATCH_SIZE
from mpzswap.workload.summary import device_cpu_s
from mpzswap.zswap.store import Folio
from mpzswap.zswap.zswap import Zswap

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, Contests, Outcome, hold_each, make_parser

STAGES = ("prepare", "queue", "execute", "unseen", "store")
ALL = "all of them, us"
# As reclaim hands them over.
FOLIO_PAGES = 16
RECLAIMED = 32 * FOLIO_PAGES
BATCH_SIZE = 8
DEVICES = 2
CPU = 0
NS_PER_US = 1000

EXAMPLES = """\
examples:
  python tools/bench/bench_stages.py
  python tools/bench/bench_stages.py --compressor lz4 --devices 1 --json stages.json
"""


class Stamps(NamedTuple):
    """Of a request, ns of CLOCK_MONOTONIC; its records as the devices left them."""

    begun: int
    published: int
    seen: int
    stored: int
    records: bytes


@dataclass(eq=False)
class Recorder:
    """Notes when what happens to the requests of one zswap."""

    now_ns: Callable[[], int]
    # Completion records of its submitter.
    records: memoryview
    requests: list[Stamps] = field(default_factory=list)
    # Polls that found nothing, and the processor time in them and in the pauses after.
    empty_polls: int = 0
    poll_cpu_ns: int = 0
    pause_cpu_ns: int = 0
    _begun: int = 0
    _published: dict[int, tuple[int, int]] = field(default_factory=dict)
    _seen: dict[int, int] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew."""
        self.requests.clear()
        self.empty_polls = self.poll_cpu_ns = self.pause_cpu_ns = 0

    def poll(self, poll: Callable[[Request], int], request: Request) -> int:
        """Poll, and note what came of it."""
        before_ns = time.thread_time_ns()
        result = poll(request)
        if result == EAGAIN:
            self.empty_polls += 1
            self.poll_cpu_ns += time.thread_time_ns() - before_ns
        else:
            self._seen[id(request)] = self.now_ns()
        return result

    def pause(
        self, pause: Callable[[Sequence[Request]], None], requests: Sequence[Request]
    ) -> None:
        """Give the devices time, and note what of it was ours."""
        before_ns = time.thread_time_ns()
        pause(requests)
        self.pause_cpu_ns += time.thread_time_ns() - before_ns

    def run(
        self,
        run: Callable[..., None],
        items: Iterator[Any],
        submit: Callable[[Request, list[Any]], int],
        take: Callable[[Request, list[Any]], None],
    ) -> None:
        """Run a pipeline over *items*, each of its steps noted."""
        run(self._draw(items), partial(self._submit, submit), partial(self._take, take))

    def _draw(self, items: Iterator[Any]) -> Iterator[Any]:
        self._begun = 0
        while True:
            # A request is begun when the first of its items is drawn.
            self._begun = self._begun or self.now_ns()
            try:
                item = next(items)
            except StopIteration:
                return
            yield item

    def _submit(
        self,
        submit: Callable[[Request, list[Any]], int],
        request: Request,
        items: list[Any],
    ) -> int:
        result = submit(request, items)
        now_ns = self.now_ns()
        self._published[id(request)] = self._begun, now_ns
        if result != EINPROGRESS:
            self._seen[id(request)] = now_ns
        self._begun = 0
        return result

    def _take(
        self,
        take: Callable[[Request, list[Any]], None],
        request: Request,
        items: list[Any],
    ) -> None:
        take(request, items)
        stored = self.now_ns()
        begun, published = self._published.pop(id(request))
        first = ours(request).first * RECORD_BYTES
        last = first + len(request.pages) * RECORD_BYTES
        seen = self._seen.pop(id(request))
        records = bytes(self.records[first:last])
        self.requests.append(Stamps(begun, published, seen, stored, records))


class StoredPages:
    """A zswap of a machine, over a submitter in this process, and its recorder."""

    def __init__(self, core: Core, batching: Batching, batch_size: int) -> None:
        settings = msgspec.structs.replace(
            core.plan.topology.zswap, batching=batching, batch_size=batch_size
        )
        submitter = core.new_submitter(CPU, nr_buffers(settings))
        self._core = core
        self._zswap = Zswap(
            settings,
            submitter.driver,
            submitter.pool_limit(settings),
            submitter.clock,
        )
        self._recorder = Recorder(
            submitter.clock.now_ns, records_of(core, submitter.config)
        )
        self._wrap(submitter.driver)

    def _wrap(self, driver: IaaCrypto) -> None:
        """Put the recorder around what is called for a request."""
        recorder = self._recorder
        # The hot path has no place for it, and shall have none.
        pipeline = self._zswap._pipeline  # noqa: SLF001 - seen from outside
        for called, name, around in (
            (driver, "poll", recorder.poll),
            (driver, "pause", recorder.pause),
            (pipeline, "run", recorder.run),
        ):
            setattr(called, name, partial(around, getattr(called, name)))

    def store(self, frames: Frames) -> dict[str, float]:
        """Store every page once, and say where the time went."""
        recorder = self._recorder
        recorder.forget()
        before, began_ns = work_of(self._core), time.monotonic_ns()
        for first in range(0, len(frames), RECLAIMED):
            last = min(first + RECLAIMED, len(frames))
            starts = range(first, last, FOLIO_PAGES)
            folios = [Folio(at, at, min(FOLIO_PAGES, last - at)) for at in starts]
            self._zswap.store(frames, folios)
        elapsed_ns = time.monotonic_ns() - began_ns
        after = work_of(self._core)
        figures = page_figures(recorder.requests)
        us = NS_PER_US * len(frames)
        return figures | {
            "elapsed, us/page": elapsed_ns / us,
            "empty polls, a page": recorder.empty_polls / len(frames),
            "empty polls, CPU us/page": recorder.poll_cpu_ns / us,
            "pauses, CPU us/page": recorder.pause_cpu_ns / us,
            "devices, CPU us/page": (after.cpu_ns - before.cpu_ns) / us,
            "devices' sleeps, a page": (after.sleeps - before.sleeps) / len(frames),
        }


class DeviceWork(NamedTuple):
    """What all devices have done since their start."""

    cpu_ns: float
    # For want of work, after passes that found none.
    sleeps: int


def work_of(core: Core) -> DeviceWork:
    """Ask the devices."""
    core.devices.publish_counters()
    counted = [core.devices.counters(each.index) for each in core.devices.all]
    return DeviceWork(device_cpu_s(core) * 1e9, sum(each.sleeps for each in counted))


def records_of(core: Core, config: SubmitterConfig) -> memoryview:
    """Give the completion records of a submitter."""
    layout = PortalLayout.plan(config.topology, config.nr_buffers)
    records = core.space.resolve(
        address(config.portal, layout.records_offset),
        config.nr_buffers * RECORD_BYTES,
    )
    assert records is not None, "a submitter's portal is in its own address space"
    return records


def page_figures(requests: Sequence[Stamps]) -> dict[str, float]:
    """Give what a page spent in each stage, on average, and in all of them."""
    stages = stages_of(requests)
    if not len(stages):
        raise MpzswapError("no page was done by a device")
    means = (stages.mean(axis=0) / NS_PER_US).tolist()
    named = zip(STAGES, means, strict=True)
    return {f"{name}, us": mean for name, mean in named} | {ALL: sum(means)}


def shares(outcome: Outcome) -> Iterator[str]:
    """Give each stage's part of all of them."""
    for standing in outcome.standings:
        whole_us = sum(standing[ALL].samples)
        parts = (
            f"{name} {sum(standing[f'{name}, us'].samples) / whole_us:.1%}"
            for name in STAGES
        )
        yield f"{standing.name}: {', '.join(parts)}"


def stages_of(requests: Sequence[Stamps]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """
    Give what each page spent in each of STAGES, ns, a row each.

    A device may take a page before its submitter is done with submitting; what no
    device has done, since software did, has no stages between those of the submitter
    and is left out.
    """
    rows = [_stages_of_request(stamps) for stamps in requests]
    return np.concatenate(rows or [np.empty((0, len(STAGES)), np.int64)])


def _stages_of_request(stamps: Stamps) -> np.ndarray[Any, np.dtype[np.int64]]:
    records = np.frombuffer(stamps.records, RECORD)
    taken = records["taken_ns"].astype(np.int64)
    completed = records["completed_ns"].astype(np.int64)
    bounds = np.empty((len(records), len(STAGES) + 1), np.int64)
    bounds[:, 0] = stamps.begun
    bounds[:, 1] = np.minimum(stamps.published, taken)
    bounds[:, 2] = taken
    bounds[:, 3] = completed
    bounds[:, 4] = stamps.seen
    bounds[:, 5] = stamps.stored
    stages = np.diff(bounds, axis=1)
    in_order: np.ndarray[Any, np.dtype[np.int64]] = stages[(stages >= 0).all(axis=1)]
    return in_order


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    add = parser.add_argument
    add(
        "--devices",
        metavar="N",
        type=whole(1, MAX_DEVICES),
        default=DEVICES,
        help="of the machine (default: %(default)s)",
    )
    add(
        "--batch-size",
        metavar="N",
        type=whole(1, MAX_BATCH_SIZE),
        default=BATCH_SIZE,
        help="pages in a sub-batch (default: %(default)s)",
    )
    add("--compressor", metavar="NAME", help="of the devices (default: the topology's)")
    options = parser.parse_args(arguments)
    return hold_each(__doc__ or "", contests(options), options, shares)


def contests(options: Namespace) -> Contests:
    """
    Give a store in each batching mode, each on a machine of its own.

    A submitter that does nothing counts as one that wants a core: it would keep the
    others from spinning.
    """
    nr_pages = parse_size(options.memory) // PAGE_SIZE
    pages = load_pages(options.pages, nr_pages, options.seed).pages
    topology = Topology.for_host(options.devices)
    contestants = []
    with ExitStack() as stack:
        for batching in get_args(Batching):
            core = stack.enter_context(
                Machine(topology, compressor=options.compressor, max_submitters=1)
            ).core
            frames = core.new_frames(len(pages))
            frames.array[:] = pages
            stored = StoredPages(core, batching, options.batch_size)
            contestants.append(Contestant(batching, partial(stored.store, frames)))
        yield "", contestants


if __name__ == "__main__":
    sys.exit(main())
