"""
A submitter: a portal, a driver over it, and the words that it writes.

The parent opens submitters for itself; a worker process opens its own from what
the parent sent.  Both run the same code on the same layout.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from mpzswap.clock.work import Clock
from mpzswap.codec.table import make_codec
from mpzswap.completion.interrupt import Interrupt
from mpzswap.device.words import NEED_WAKEUP, TAKEN
from mpzswap.driver.faults import RefusingPlaces
from mpzswap.driver.iaa_crypto import IaaCrypto
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.portal import Portal, PortalLayout
from mpzswap.driver.queue import Places, SubmitQueue
from mpzswap.driver.stats import WqStats
from mpzswap.errors import ClosedError
from mpzswap.machine.board import Board, BoardLayout, CpuWord
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.memory import AddressSpace, Frames, Segment, address
from mpzswap.ring.occupancy import Occupancy
from mpzswap.topology.fault_line import parse_fault
from mpzswap.topology.faults import Kind, Trigger
from mpzswap.topology.model import Device, Topology
from mpzswap.topology.settings import DriverSettings, ZswapSettings
from mpzswap.topology.wq_table import WqId, WqTables, wq_tables
from mpzswap.zswap.limit import PoolLimit

# A look at all devices costs some 20 us, and whoever waits asks each millisecond; a
# death is known so much later.
LOOK_EVERY_NS = 5_000_000


class SubmitterConfig(msgspec.Struct, frozen=True):
    """What a submitter is; travels to workers as JSON."""

    topology: Topology
    board: BoardLayout
    compressor: str
    # Its column in the board.
    column: int
    # The address space that its descriptors name.
    pasid: int
    # The CPU of the topology that it acts as.
    cpu: int
    # Cores that all processes together may use.
    cores: int
    # The segment of its portal, and how many pages can be in requests at once.
    portal: int
    nr_buffers: int
    # The interrupt that devices raise for it; 0: it polls.
    int_handle: int = 0
    # The segment of a worker's own pages; 0: none.
    memory: int = 0
    # Whether the stages of pages are counted.
    counts_stages: bool = False

    def with_memory(self, segment: int) -> "SubmitterConfig":
        """Give the same with a segment of its own pages."""
        return msgspec.structs.replace(self, memory=segment)

    def with_driver(self, settings: DriverSettings) -> "SubmitterConfig":
        """Give the same with other settings of its driver."""
        topology = msgspec.structs.replace(self.topology, driver=settings)
        return msgspec.structs.replace(self, topology=topology)


@dataclass(frozen=True)
class SubmitterFds:
    """The descriptors that a worker's submitter is made from."""

    board: int
    portal: int
    memory: int
    # The doorbell of each device.
    eventfds: tuple[int, ...]
    # The eventfd of its interrupt, where it has one.
    interrupt: int | None

    def listed(self) -> list[int]:
        """Give them in the order in which they travel; ``of_list`` undoes it."""
        last = [] if self.interrupt is None else [self.interrupt]
        return [self.board, self.portal, self.memory, *self.eventfds, *last]

    @classmethod
    def of_list(cls, fds: Sequence[int], config: SubmitterConfig) -> "SubmitterFds":
        """Take apart what ``listed`` gave."""
        board, portal, memory, *eventfds = fds
        interrupt = eventfds.pop() if config.int_handle else None
        return cls(board, portal, memory, tuple(eventfds), interrupt)


class BoardView:
    """What a driver asks about the machine, answered from the board."""

    def __init__(self, config: SubmitterConfig, ground: "Ground") -> None:
        self.cores = config.cores
        self._topology = config.topology
        self._cpu = config.cpu
        self._board = ground.board
        self._column = config.column
        self._look = ground.look
        self._watch = ground.watch
        self._clock = ground.clock
        self._looked_ns = 0

    def generation(self) -> int:
        """Give a number that changes whenever a device or a work queue does."""
        self._watch()
        return self._board.generation

    def tables(self) -> WqTables:
        """Give the queues of this submitter's CPU."""
        return wq_tables(self._topology, self._cpu, self._board.usable())

    def incarnation(self, device: int) -> int:
        """Give how often a device was started anew."""
        return self._board.incarnation(device)

    def is_usable(self, device: int, incarnation: int) -> bool:
        """Tell whether this incarnation of a device is alive; looks now and then."""
        now_ns = self._clock.now_ns()
        if now_ns - self._looked_ns >= LOOK_EVERY_NS:
            self._looked_ns = now_ns
            self._look()
        return not self._board.has_died(device, incarnation)

    def end(self, device: int, incarnation: int) -> None:
        """Ask the parent to end a device; it does so at its next look."""
        self._board.late_row(device)[self._column] = incarnation + 1

    def submitters(self) -> int:
        """Give how many submitters there are."""
        return self._board.submitters


@dataclass(eq=False)
class Submitter:
    """An open submitter; see the module."""

    config: SubmitterConfig
    board: Board
    driver: IaaCrypto
    clock: Clock
    # What devices raise for it; None: it polls.
    interrupt: Interrupt | None = None
    # A worker's own pages.
    memory: Frames | None = None
    # Threads of the user take turns; so does the machine's end.
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False
    pid: int = field(default_factory=os.getpid)

    @property
    def buffers_address(self) -> int:
        """The device address of the portal's first buffer."""
        layout = PortalLayout.plan(self.config.topology, self.config.nr_buffers)
        return address(self.config.portal, layout.buffers_offset)

    def close(self) -> None:
        """Be used no more; it may be repeated.  The machine takes the rest back."""
        self.closed = True

    def close_interrupt(self) -> None:
        """Give it back, once no device is told of it any more; it may be repeated."""
        if self.interrupt is not None:
            self.interrupt.close()

    @property
    def is_ours(self) -> bool:
        """Tell whether this process made it, and is no fork of that one."""
        return os.getpid() == self.pid

    @property
    def turn(self) -> threading.Lock:
        """
        The lock, for a thread whose turn it is to be.

        Raises:
            ClosedError: in a fork lanes and records are the parent's, and the lock may
                be held by a thread that only the parent has.
        """
        if not self.is_ours:
            raise ClosedError(
                f"CPU {self.config.cpu}: belongs to the process that made it"
            )
        return self.lock

    def check_open(self) -> None:
        """Refuse to work after the machine's end: no device would ever answer."""
        if self.closed:
            raise ClosedError(f"CPU {self.config.cpu}: its machine is closed")

    def pool_limit(self, settings: ZswapSettings) -> PoolLimit:
        """Give this CPU's view of the zswap pool's size."""
        memory_pages = self.config.topology.memory // PAGE_SIZE
        return PoolLimit(
            words=self.board.cpu_row(CpuWord.POOL_PAGES),
            index=self.config.column,
            max_pages=max(1, memory_pages * settings.max_pool_percent // 100),
            accept_threshold_percent=settings.accept_threshold_percent,
        )


@dataclass(frozen=True)
class Ground:
    """What a process has for all its submitters."""

    board: Board
    # The doorbell of each device.
    eventfds: tuple[int, ...]
    space: AddressSpace
    clock: Clock
    # Looks for deaths and notes them in the board; a worker relies on the parent.
    look: Callable[[], None]
    # The same if the last look was not just now; for whoever does not wait.
    watch: Callable[[], None]


def open_submitter(
    config: SubmitterConfig,
    ground: Ground,
    portal: Segment,
    interrupt: Interrupt | None,
) -> Submitter:
    """Put a driver over a portal, which is in the ground's address space."""
    layout = PortalLayout.plan(config.topology, config.nr_buffers)
    mapped = Portal(portal, layout)
    parts = DriverParts(
        settings=config.topology.driver,
        machine=BoardView(config, ground),
        portal=mapped,
        queues=tuple(_queues(config, ground, mapped)),
        codec=make_codec(config.compressor),
        space=ground.space,
        pasid=config.pasid,
        clock=ground.clock,
        interrupt=interrupt,
        counts_stages=config.counts_stages,
    )
    return Submitter(config, ground.board, IaaCrypto(parts), ground.clock, interrupt)


def adopt_submitter(
    config: SubmitterConfig, fds: Sequence[int], clock: Clock
) -> Submitter:
    """Open, in a worker process, the submitter that the parent made for it."""
    own = SubmitterFds.of_list(fds, config)
    portal = Segment.map(config.portal, own.portal)
    memory = Segment.map(config.memory, own.memory)
    space = AddressSpace()
    for segment in (portal, memory):
        segment.prefault()
        space.add(segment)
    board = Board.map(own.board, config.board)

    def nothing() -> None:
        """Rely on the parent, whose children the devices are."""

    ground = Ground(board, own.eventfds, space, clock, look=nothing, watch=nothing)
    interrupt = None
    if own.interrupt is not None:
        interrupt = Interrupt(config.int_handle, own.interrupt)
    submitter = open_submitter(config, ground, portal, interrupt)
    submitter.memory = memory.frames(0, memory.size // PAGE_SIZE)
    return submitter


def _queues(
    config: SubmitterConfig, ground: Ground, portal: Portal
) -> Iterator[SubmitQueue]:
    """Make every queue, of the incarnations of devices that come to be as well."""
    board, driver = ground.board, config.topology.driver
    for incarnation in range(config.board.max_incarnations):
        for index, device in enumerate(config.topology.devices):
            words = board.device_words(index, incarnation)
            doorbell = Doorbell(words[NEED_WAKEUP], ground.eventfds[index])
            for wq, queue in enumerate(device.wqs):
                occupancy = Occupancy(
                    board.queue_row(WqId(index, wq), incarnation),
                    words[TAKEN][wq : wq + 1],
                    config.column,
                    queue.capacity,
                    lambda: board.submitters,
                )
                is_shared = queue.mode == "shared"
                stats = WqStats()
                ours = config.column, incarnation, stats
                yield SubmitQueue(
                    device=index,
                    wq=wq,
                    incarnation=incarnation,
                    lane=portal.lane(index, wq, incarnation),
                    occupancy=_refusing(occupancy, device, wq, ours),
                    doorbell=doorbell,
                    enqcmds_retries=driver.enqcmds_retries if is_shared else 0,
                    stats=stats,
                )


def _refusing(
    places: Places, device: Device, wq: int, ours: tuple[int, int, WqStats]
) -> Places:
    """Put the faults of a queue around its places, where it has any."""
    column, incarnation, stats = ours
    whose = f"submitter {column} incarnation {incarnation}"
    names = [queue.name for queue in device.wqs]
    triggers = [
        Trigger(fault, f"{device.name} {position} wq {wq} {whose}")
        for position, fault in enumerate(map(parse_fault, device.faults))
        if fault.kind is Kind.QUEUE_FULL and wq in fault.queues(names)
    ]
    return RefusingPlaces(places, triggers, stats) if triggers else places
