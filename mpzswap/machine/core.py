"""
An open machine: its processes, its segments, its submitters.

    Core -- board         the machine's shared words
         |- starter       forks devices and workers
         |- devices       one process each
         |- submitters    this process's: one for bulk, one a Cpu, one a store
         `- workers       processes with a submitter of their own

Segments are numbered once and never again, so an address in one that is gone can
name nothing else.  A column of the board goes on from the words that are in it.

A worker that died is given back (``bury``): its segments, its column, and its places
in the queues.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from mpzswap.clock.config import ClockConfig
from mpzswap.completion.interrupt import Interrupt
from mpzswap.driver.portal import Portal, PortalLayout
from mpzswap.errors import MpzswapError
from mpzswap.machine.attachment import Attachment
from mpzswap.machine.board import Board, BoardLayout
from mpzswap.machine.child import Child
from mpzswap.machine.column import Column
from mpzswap.machine.devices import Devices
from mpzswap.machine.plan import Plan
from mpzswap.machine.process import Starter
from mpzswap.machine.stats import Books, report_devices
from mpzswap.machine.submitter import (
    Ground,
    Submitter,
    SubmitterConfig,
    SubmitterFds,
    open_submitter,
)
from mpzswap.machine.virtual import VirtualStarter
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import DeviceReport
from mpzswap.ring.memory import AddressSpace, Frames, Segment, split
from mpzswap.topology import host
from mpzswap.topology.cpus import node_of
from mpzswap.topology.settings import DriverSettings

# Imported by the starter before it forks, so that no child has to.
PRELOADED = ("mpzswap.device.faults", "mpzswap.device.timed", "mpzswap.workload.worker")
# The address space of this process; workers have the numbers after it.
OWN_PASID = 1
# Where a profile's time is kept, each CPU and each device is a core by itself.
PLENTY = 1 << 20


@dataclass(eq=False)
class Worker:
    """A worker process and what was made for it."""

    child: Child
    config: SubmitterConfig
    portal: Segment
    memory: Segment
    # Of the worker and the devices; here for those that are started anew.
    interrupt: Interrupt | None
    column: Column
    buried: bool = False

    def close(self) -> None:
        """Give back what we hold of it; it may be repeated."""
        for segment in (self.memory, self.portal):
            segment.close()
        if self.interrupt is not None:
            self.interrupt.close()


def make_starter(clock: ClockConfig) -> Starter | VirtualStarter:
    """Give what starts the machine's children, by whose time it is."""
    if clock.name == "virtual":
        return VirtualStarter(clock)
    return Starter(PRELOADED, clock=clock)


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
        self._free_columns: list[int] = []
        self._ended = False
        self._past = Books.empty(plan.topology)
        self._submitters: list[Submitter] = []
        with contextlib.ExitStack() as stack:
            self.board = Board.create(self._layout)
            stack.callback(self.board.close)
            stack.callback(self.space.close)
            self.devices = Devices(plan.topology, self.board)
            stack.callback(self.devices.close)
            self.starter: Starter | VirtualStarter = make_starter(plan.clock)
            stack.enter_context(self.starter)
            self.clock = self.starter.clock
            self._started_ns = self.clock.now_ns()
            self.devices.start(self.starter, plan)
            stack.callback(self._close_submitters)
            stack.callback(self.devices.let_end)
            self.stack = stack.pop_all()

    def _close_submitters(self) -> None:
        """Let every call that is under way end, and no other begin."""
        with self._lock:
            # What is given back from now on goes with all the rest.
            self._ended = True
            submitters = list(self._submitters)
        for submitter in submitters:
            with submitter.lock:
                submitter.close()
            submitter.close_interrupt()
        for worker in self.workers:
            worker.close()

    # Memory

    def new_frames(self, nr_pages: int) -> Frames:
        """Give pages of this process that every device sees."""
        with self._lock:
            segment = self._new_segment(nr_pages * PAGE_SIZE, OWN_PASID)
            self.space.add(segment)
            return segment.frames(0, nr_pages)

    def free_frames(self, frames: Frames) -> None:
        """
        Take back what ``new_frames`` gave: devices see it no more.

        Arrays of it stay valid for whoever still holds one.
        """
        with self._lock:
            self._free_segment(split(frames.address)[0])

    def _free_segment(self, number: int) -> None:
        if not self._ended:
            self.devices.detach(number)
            self.space.remove(number).close()

    def _new_segment(
        self,
        size: int,
        pasid: int,
        layout: PortalLayout | None = None,
        interrupt: Interrupt | None = None,
    ) -> Segment:
        """Make a segment that every device knows; a portal has lanes in it."""
        available = host.available_memory_bytes()
        if size > available:
            # The system would give it, and then kill somebody for it.
            raise MpzswapError(
                f"shared memory: {size} bytes, must be up to {available}, "
                "what the host has available"
            )
        segment = Segment.create(next(self._segments), size)
        try:
            segment.prefault()
            handle, fds = 0, [segment.fd]
            if interrupt is not None:
                handle = interrupt.handle
                fds.append(interrupt.eventfd)
            self.devices.attach(
                Attachment(pasid, segment.number, tuple(fds), layout, handle)
            )
        except BaseException:
            # Ctrl-C may come when they know it already.
            self.devices.detach_nowait(segment.number)
            segment.close()
            raise
        return segment

    def _drop(self, segment: Segment) -> None:
        """Take a segment from the devices, and close it."""
        self.devices.detach(segment.number)
        segment.close()

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
        devices = self.devices
        with self._lock, contextlib.ExitStack() as stack:
            config, segment, interrupt = self._new_portal(cpu, OWN_PASID, nr_buffers)
            # Ctrl-C may come before it is in our books.
            stack.callback(self._free_columns.append, config.column)
            if interrupt is not None:
                stack.callback(interrupt.close)
            stack.callback(self._drop, segment)
            config = config.with_driver(driver or config.topology.driver)
            self.space.add(segment)
            stack.callback(self.space.remove, segment.number)
            ground = Ground(
                self.board,
                devices.eventfds,
                self.space,
                self.clock,
                devices.look,
                devices.watch,
            )
            submitter = open_submitter(config, ground, segment, interrupt)
            self._submitters.append(submitter)
            stack.pop_all()
            return submitter

    def release(self, submitter: Submitter) -> None:
        """Take a submitter back; it is closed, and nothing of it is in flight."""
        with self._lock:
            submitter.close()
            # Before its interrupt is closed: a device that is started anew meanwhile
            # is told of both.
            self._free_segment(submitter.config.portal)
            submitter.close_interrupt()
            self._submitters.remove(submitter)
            self._past.add(Books.of_drivers(self.plan.topology, [submitter.driver]))
            self._free_columns.append(submitter.config.column)

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
            with contextlib.ExitStack() as stack:
                config, portal, interrupt = self._new_portal(cpu, pasid, nr_buffers)
                stack.callback(self._free_columns.append, config.column)
                if interrupt is not None:
                    stack.callback(interrupt.close)
                stack.callback(self._drop, portal)
                memory = self._new_segment(nr_pages * PAGE_SIZE, pasid)
                stack.callback(self._drop, memory)
                column = Column.of(self.board, config.column)
                fds = SubmitterFds(
                    self.board.segment.fd,
                    portal.fd,
                    memory.fd,
                    self.devices.eventfds,
                    interrupt.eventfd if interrupt else None,
                )
                config = config.with_memory(memory.number)
                name = f"worker {len(self.workers)}"
                child = self.starter.start(
                    entry, name, make_config(config), [*more_fds, *fds.listed()]
                )
                stack.pop_all()
            worker = Worker(child, config, portal, memory, interrupt, column)
            self.workers.append(worker)
            return worker

    def bury(self, worker: Worker) -> None:
        """
        Give back what a worker had that is dead; it may be repeated.

        Its descriptors that no device has taken are dropped, those that one has are
        done into memory that nobody sees any more.
        """
        with self._lock:
            if worker.buried or self._ended:
                return
            worker.buried = True
            layout = PortalLayout.plan(self.plan.topology, worker.config.nr_buffers)
            worker.column.settle(Portal(worker.portal, layout))
            for segment in (worker.memory, worker.portal):
                self.devices.detach_nowait(segment.number)
            worker.close()
            self._free_columns.append(worker.config.column)

    def _new_portal(
        self, cpu: int, pasid: int, nr_buffers: int
    ) -> tuple[SubmitterConfig, Segment, Interrupt | None]:
        plan = self.plan
        node_of(plan.topology, cpu)
        layout = PortalLayout.plan(plan.topology, nr_buffers)
        column = self._new_column()
        interrupt = None
        try:
            if plan.topology.driver.sync_mode == "async_irq":
                # No two submitters have a column in common, whoever they are.
                interrupt = Interrupt.create(column + 1)
            segment = self._new_segment(layout.size, pasid, layout, interrupt)
        except BaseException:
            self._free_columns.append(column)
            if interrupt is not None:
                interrupt.close()
            raise
        config = SubmitterConfig(
            topology=plan.topology,
            board=self._layout,
            compressor=plan.compressor,
            column=column,
            pasid=pasid,
            cpu=cpu,
            cores=self._cores(),
            portal=segment.number,
            nr_buffers=nr_buffers,
            int_handle=interrupt.handle if interrupt else 0,
            counts_stages=plan.clock.is_timed,
        )
        return config, segment, interrupt

    def _cores(self) -> int:
        """Give the cores that all processes use: of a profile's machine, plenty."""
        if self.plan.clock.is_timed:
            return PLENTY
        return min(len(self.plan.cores), host.usable_cores())

    def _new_column(self) -> int:
        if self._free_columns:
            return self._free_columns.pop()
        column = self.board.submitters
        if column >= self.plan.max_submitters:
            raise MpzswapError(
                f"submitters: {column + 1}, must be up to {self.plan.max_submitters}, "
                "as the machine was made for; close some"
            )
        self.board.submitters = column + 1
        return column

    # Books

    def books(self) -> Books:
        """Give the sums over the drivers of this process."""
        with self._lock:
            drivers = [submitter.driver for submitter in self._submitters]
            books = Books.of_drivers(self.plan.topology, drivers)
            books.add(self._past)
            return books

    def report_devices(self, books: Books) -> tuple[DeviceReport, ...]:
        """Give the report of every device; *books* may have the workers' added."""
        silent = self.devices.publish_counters()
        self.devices.look()
        elapsed_ns = self.clock.now_ns() - self._started_ns
        return report_devices(self.devices, books, elapsed_ns, silent)

    @property
    def children(self) -> Sequence[Child]:
        """Every process of the machine but the starter."""
        return self.starter.children
