"""
An open machine: its processes, its segments, its submitters.

    Core -- board         the machine's shared words
         |- starter       forks devices and workers
         |- devices       one process each
         |- submitters    this process's: one for bulk, one a Cpu, one a store
         `- workers       processes with a submitter of their own

Segments are numbered once and never again, so an address in one that is gone can
name nothing else.  The columns of the board likewise.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from mpzswap.driver.portal import PortalLayout
from mpzswap.errors import MpzswapError
from mpzswap.machine.board import Board, BoardLayout
from mpzswap.machine.child import Child
from mpzswap.machine.devices import Devices
from mpzswap.machine.process import Starter
from mpzswap.machine.stats import Books, report_devices
from mpzswap.machine.submitter import (
    Ground,
    Submitter,
    SubmitterConfig,
    SubmitterFds,
    open_submitter,
)
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import DeviceReport
from mpzswap.ring.attach import Attach
from mpzswap.ring.memory import AddressSpace, Frames, Segment
from mpzswap.topology.cpus import node_of
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import DriverSettings

# Imported by the starter before it forks, so that no child has to.
PRELOADED = ("mpzswap.device.main", "mpzswap.workload.worker")
# The address space of this process; workers have the numbers after it.
OWN_PASID = 1


@dataclass(frozen=True)
class Plan:
    """What a machine is made from."""

    topology: Topology
    compressor: str
    # The cores that all its processes may use.
    cores: tuple[int, ...]
    # Workers, CPUs and stores that there may be over its life.
    max_submitters: int


@dataclass(eq=False)
class Worker:
    """A worker process and what was made for it."""

    child: Child
    config: SubmitterConfig
    segments: tuple[Segment, ...]


class Core:
    """See the module; ends with the exit of ``stack``, whatever happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.space = AddressSpace()
        self.workers: list[Worker] = []
        self._layout = BoardLayout.plan(plan.topology, plan.max_submitters)
        self._lock = threading.Lock()
        self._segments = count(1)
        self._pasids = count(OWN_PASID + 1)
        self._columns = count()
        self._submitters: list[Submitter] = []
        with contextlib.ExitStack() as stack:
            self.board = Board.create(self._layout)
            stack.callback(self.board.close)
            stack.callback(self.space.close)
            self.devices = Devices(plan.topology, self.board)
            stack.callback(self.devices.close)
            self.starter = stack.enter_context(Starter(PRELOADED))
            self._started_ns = time.monotonic_ns()
            self.devices.start(self.starter, plan.compressor, plan.cores)
            stack.callback(self._close_submitters)
            stack.callback(self.devices.let_end)
            self.stack = stack.pop_all()

    def _close_submitters(self) -> None:
        for submitter in self._submitters:
            submitter.closed = True
        for worker in self.workers:
            for segment in worker.segments:
                segment.close()

    # Memory

    def new_frames(self, nr_pages: int) -> Frames:
        """Give pages of this process that every device sees."""
        with self._lock:
            segment = self._new_segment(nr_pages * PAGE_SIZE, OWN_PASID)
            self.space.add(segment)
            return segment.frames(0, nr_pages)

    def _new_segment(
        self, size: int, pasid: int, layout: PortalLayout | None = None
    ) -> Segment:
        """Make a segment that every device knows, with the lanes of a portal."""
        segment = Segment.create(next(self._segments), size)
        try:
            segment.prefault()
            lanes = layout.lanes if layout else [()] * len(self.plan.topology.devices)
            messages = [Attach(pasid, segment.number, places) for places in lanes]
            self.devices.attach(messages, segment.fd)
        except BaseException:
            segment.close()
            raise
        return segment

    # Submitters

    def new_submitter(
        self, cpu: int, nr_buffers: int, driver: DriverSettings | None = None
    ) -> Submitter:
        """
        Let this process act as a CPU of the topology.

        Args:
            cpu: of the topology.
            nr_buffers: pages that its requests hold together.
            driver: settings in place of the topology's.

        Raises:
            InputError: the topology has no such CPU.
            MpzswapError: there are as many submitters as the machine was made for.
        """
        with self._lock:
            config, segment = self._new_portal(cpu, OWN_PASID, nr_buffers)
            config = config.with_driver(driver or config.topology.driver)
            self.space.add(segment)
            ground = Ground(
                self.board, self.devices.eventfds, self.space, self.devices.look
            )
            submitter = open_submitter(config, ground, segment)
            self._submitters.append(submitter)
            return submitter

    def start_worker(
        self,
        entry: str,
        cpu: int,
        sizes: tuple[int, int],
        told: tuple[Callable[[SubmitterConfig], bytes], Sequence[int]],
    ) -> Worker:
        """
        Start a process that acts as *cpu*; it is told of its submitter.

        Args:
            entry: "package.module:function", called as ``Starter.start`` says.
            cpu: of the topology.
            sizes: pages of memory of its own, and buffers of its portal.
            told: gives the function's config; descriptors that come before those
                of the submitter.
        """
        nr_pages, nr_buffers = sizes
        make_config, more_fds = told
        with self._lock:
            pasid = next(self._pasids)
            config, portal = self._new_portal(cpu, pasid, nr_buffers)
            memory = self._new_segment(nr_pages * PAGE_SIZE, pasid)
            fds = SubmitterFds(
                self.board.segment.fd, portal.fd, memory.fd, self.devices.eventfds
            )
            config = config.with_memory(memory.number)
            name = f"worker {len(self.workers)}"
            child = self.starter.start(
                entry, name, make_config(config), [*more_fds, *fds.listed()]
            )
            worker = Worker(child, config, (memory, portal))
            self.workers.append(worker)
            return worker

    def _new_portal(
        self, cpu: int, pasid: int, nr_buffers: int
    ) -> tuple[SubmitterConfig, Segment]:
        plan = self.plan
        node_of(plan.topology, cpu)
        column = next(self._columns)
        if column >= plan.max_submitters:
            raise MpzswapError(
                f"submitters: {column + 1}, must be up to {plan.max_submitters}, "
                "as the machine was made for"
            )
        layout = PortalLayout.plan(plan.topology, nr_buffers)
        segment = self._new_segment(layout.size, pasid, layout)
        self.board.submitters = column + 1
        config = SubmitterConfig(
            topology=plan.topology,
            board=self._layout,
            compressor=plan.compressor,
            column=column,
            pasid=pasid,
            cpu=cpu,
            cores=len(plan.cores),
            portal=segment.number,
            nr_buffers=nr_buffers,
        )
        return config, segment

    # Books

    def books(self) -> Books:
        """Give the sums over the drivers of this process."""
        drivers = [submitter.driver for submitter in self._submitters]
        return Books.of_drivers(self.plan.topology, drivers)

    def report_devices(self, books: Books) -> tuple[DeviceReport, ...]:
        """Give the report of every device; *books* may have the workers' added."""
        self.devices.publish_counters()
        self.devices.look()
        elapsed_ns = time.monotonic_ns() - self._started_ns
        return report_devices(self.devices, books, elapsed_ns)

    @property
    def children(self) -> Sequence[Child]:
        """Every process of the machine but the starter."""
        return self.starter.children
