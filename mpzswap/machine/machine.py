"""The machine as its user sees it: compress, decompress, act as a CPU, store pages."""

import operator
import os
import threading
from types import TracebackType
from typing import Self

import msgspec
import numpy as np

from mpzswap.clock.config import WORK, ClockConfig
from mpzswap.codec.table import make_codec
from mpzswap.errors import BusyError, ClosedError, InputError, MpzswapError
from mpzswap.machine import bulk, cpu, store
from mpzswap.machine.core import Core
from mpzswap.machine.packed import Packed
from mpzswap.machine.plan import Plan
from mpzswap.machine.staging import Staging
from mpzswap.machine.stats import MachineStats
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import PAGE_SIZE, Pages, PagesLike, as_pages
from mpzswap.ring.attach import MAX_INT_HANDLE
from mpzswap.ring.memory import Frames, split
from mpzswap.ring.ordering import check_processor
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_names import find_wqs

# Bulk, and 63 CPUs and stores of this process.
MAX_SUBMITTERS = 64


class Machine:
    """
    A machine with its devices; a context manager, for all threads of a program.

    Args:
        topology: on paper; None: ``Topology.for_host()``.
        compressor: what the devices run; None: what the topology says.
        max_submitters: workers, CPUs and stores that there may be over its life.
        clock: whose time it is in its processes.

    Raises:
        InputError: no such compressor, or no such number of submitters.
    """

    def __init__(
        self,
        topology: Topology | None = None,
        *,
        compressor: str | None = None,
        max_submitters: int = MAX_SUBMITTERS,
        clock: ClockConfig = WORK,
    ) -> None:
        check_processor()
        if topology is None:
            topology = Topology.for_host()
        if not isinstance(topology, Topology):
            raise TypeError(
                f"topology: {type(topology).__name__}, must be a Topology, such as "
                "Topology.named gives"
            )
        self.topology = topology
        self.compressor = (
            topology.zswap.compressor if compressor is None else compressor
        )
        make_codec(self.compressor)
        if not 0 < max_submitters <= MAX_INT_HANDLE:
            raise InputError(
                f"max_submitters: {max_submitters}: must be 1 to {MAX_INT_HANDLE}"
            )
        self._clock = clock
        self._max_submitters = max_submitters
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._core: Core | None = None
        self._bulk: bulk.Bulk | None = None
        self._closed = False

    def __enter__(self) -> Self:
        """Start the devices."""
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process; their ends are no news if the block has failed."""
        self._end(kind, error, trace)

    def open(self) -> Self:
        """
        Start the devices; ``close`` ends them.

        Raises:
            ClosedError: it was closed; make another.
            DeviceDiedError: a device did not come up.
        """
        with self._lock:
            if self._closed:
                raise ClosedError("machine: is closed; make another")
            if self._core is not None:
                raise MpzswapError("machine: is open already")
            cores = tuple(sorted(os.sched_getaffinity(0)))
            self._core = Core(
                Plan(
                    self.topology,
                    self.compressor,
                    cores,
                    self._max_submitters,
                    self._clock.begun_now(),
                )
            )
        return self

    def close(self) -> None:
        """End every process; nothing is left behind.  It may be repeated."""
        self._end(None, None, None)

    def _end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() != self._pid:
            return  # A fork of its owner: nothing here is ours to end.
        with self._lock:
            core, self._core, self._bulk = self._core, None, None
            self._closed = True
        if core is not None:
            core.stack.__exit__(kind, error, trace)

    @property
    def core(self) -> Core:
        """The processes and segments; for workloads, not for users."""
        if os.getpid() != self._pid:
            raise ClosedError("machine: belongs to the process that made it")
        if self._core is None:
            state = "closed" if self._closed else "not open yet; use `with`, or open()"
            raise ClosedError(f"machine: is {state}")
        return self._core

    # Set-up

    def configure(self, **settings: object) -> None:
        """
        Change attributes of the driver, such as ``sync_mode``, before ``open``.

        Args:
            settings: in place of the topology's; see ``DriverSettings``.

        Raises:
            BusyError: the machine is open. The kernel lets them be changed while no
                queue is enabled; ours are made with what is set.
            TopologyError: a setting is unknown or out of its range.
        """
        with self._lock:
            if self._core is not None:
                names = ", ".join(settings) or "settings"
                raise BusyError(
                    f"{names}: EBUSY: cannot be changed while the machine is open: its "
                    "work queues are made with it"
                )
            plain = msgspec.to_builtins(self.topology)
            plain["driver"] |= settings
            self.topology = Topology.from_document(plain)

    def disable(self, name: str) -> None:
        """
        Let nothing be submitted any more to a device, or to a queue of it.

        What is in it is still done, and verified there.  Every CPU chooses its queues
        anew; where none is left for it, software does its work.

        Args:
            name: "iax0", or "iax0/wq0.0", as reports have them.

        Raises:
            InputError: there is none of this name.
            ClosedError: the machine is not open.
        """
        core = self.core
        core.board.set_enabled(find_wqs(self.topology, name), enabled=False)

    def enable(self, name: str) -> None:
        """Undo ``disable``; the same errors."""
        core = self.core
        core.board.set_enabled(find_wqs(self.topology, name), enabled=True)

    # Pages

    def compress(self, pages: PagesLike) -> Packed:
        """
        Compress pages over all devices.

        Args:
            pages: bytes-like of N * 4096, or an (N, 4096) uint8 array; arrays of
                ``allocate_pages`` are not copied.

        Raises:
            ValueError: a size that is no multiple of 4096.
            ClosedError: the machine is not open.
        """
        return self._get_bulk().compress(as_pages(pages))

    def decompress(self, packed: Packed, out: Pages | None = None) -> Pages:
        """
        Give the pages of *packed*, (N, 4096) uint8.

        Args:
            packed: of ``compress``, or made by hand.
            out: where to put them, contiguous; devices write straight into arrays of
                ``allocate_pages``.  None: a new array.  After an error it has whatever
                came, and after a second Ctrl-C devices may write there until the next
                call.

        Raises:
            CorruptStreamError: a page of it is damaged, or came back different from
                what it was.
            ValueError: another compressor packed them; *out* is not as it must be.
        """
        if not isinstance(packed, Packed):
            raise TypeError(f"packed: {type(packed).__name__}, must be a Packed")
        shape = len(packed), PAGE_SIZE
        out = np.empty(shape, np.uint8) if out is None else checked_out(out, shape)
        self._get_bulk().decompress(packed, out)
        return out

    def allocate_pages(self, count: int) -> Pages:
        """
        Give *count* zeroed pages that every device sees, (count, 4096) uint8.

        Raises:
            MpzswapError: the memory cannot be had.
            ValueError: count is below 1.
        """
        count = operator.index(count)
        if count < 1:
            raise ValueError(f"pages: {count}, must be at least 1")
        return self.core.new_frames(count).array

    def free_pages(self, pages: Pages) -> None:
        """
        Take back what ``allocate_pages`` gave: devices see it no more.

        Arrays of it stay valid; none of it may be in a batch that is not done.

        Raises:
            ValueError: these are not such pages, or not all that were given together.
        """
        core = self.core
        if not isinstance(pages, np.ndarray):
            raise TypeError(f"pages: {type(pages).__name__}, must be an array")
        address = core.space.address_of(pages)
        if address is None:
            raise ValueError("pages: not of allocate_pages, or freed already")
        if split(address)[1] or core.space.resolve(address + pages.nbytes, 1):
            raise ValueError(
                f"pages: {len(pages)}, must be all that allocate_pages gave together"
            )
        core.free_frames(Frames(pages, address))

    def cpu(self, number: int = 0) -> cpu.Cpu:
        """
        Let this process act as CPU *number* of the topology.

        Raises:
            InputError: the topology has no such CPU.
        """
        core = self.core
        submitter = core.new_submitter(number, cpu.NR_BUFFERS)
        try:
            staging = self._new_staging(submitter)
        except BaseException:
            core.release(submitter)
            raise

        def give_back() -> None:
            core.release(submitter)
            core.free_frames(staging.frames)

        return cpu.Cpu(submitter, staging, give_back)

    def zswap(self, cpu: int = 0, **settings: object) -> store.PageStore:
        """
        Give a compressed page store, as CPU *cpu* has it.

        Args:
            cpu: of the topology.
            settings: in place of the topology's: ``max_pool_percent``,
                ``accept_threshold_percent``, ``batching``, ``batch_size``,
                ``writeback``, ``same_filled_pages_enabled``, ``exclusive_loads``,
                ``checksum``.  Of these ``exclusive_loads`` is False here unless it is
                given: a load keeps the page.

        Raises:
            TopologyError: a setting is unknown or out of its range.
        """
        chosen = store.choose_settings(self.topology.zswap, settings)
        core = self.core
        submitter = core.new_submitter(cpu, store.nr_buffers(chosen))
        try:
            frames = core.new_frames(store.MAX_FOLIO_PAGES)
        except BaseException:
            core.release(submitter)
            raise

        def give_back() -> None:
            core.release(submitter)
            core.free_frames(frames)

        return store.PageStore(submitter, frames, chosen, give_back)

    def stats(self) -> MachineStats:
        """Give what devices and the drivers of this process have counted."""
        core = self.core
        books = core.books()
        devices = core.report_devices(books)
        return MachineStats(self.compressor, books.driver, devices)

    # Making

    def _get_bulk(self) -> bulk.Bulk:
        core = self.core
        with self._lock:
            if self._bulk is None:
                driver = bulk.spread(self.topology.driver)
                shape = bulk.shape_for(self.topology)
                submitter = core.new_submitter(0, shape.nr_pages, driver)
                try:
                    staging = self._new_staging(submitter)
                    self._bulk = bulk.Bulk(submitter, staging, shape)
                except BaseException:
                    core.release(submitter)
                    raise
            return self._bulk

    def _new_staging(self, submitter: Submitter) -> Staging:
        core = self.core
        frames = core.new_frames(submitter.config.nr_buffers)
        return Staging(frames, submitter.buffers_address, core.space)


def checked_out(out: object, shape: tuple[int, int]) -> Pages:
    """
    Give *out* if pages of this *shape* can be put there.

    Raises:
        TypeError: it is no array of bytes.
        ValueError: it has another shape, gaps, or is not to be written.
    """
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8:
        what = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out: {what}, must be an array of uint8")
    if out.shape != shape:
        raise ValueError(f"out: {out.shape}, must be {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out: must be contiguous, and not read-only")
    return out
