"""
What a stress run is to do: what was asked for, and what became of it.

    Wishes --choose--> StressPlan     what is not given is chosen, the rest checked
"""

import math

import msgspec

from mpzswap.clock.config import WORK, ClockConfig, ClockName
from mpzswap.codec.table import parse_compressor
from mpzswap.errors import InputError
from mpzswap.machine.costs import costs_of, device_codec
from mpzswap.machine.virtual import check_files
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.source import DEFAULT_SOURCE
from mpzswap.topology import host
from mpzswap.topology.cpus import cpu_count
from mpzswap.topology.inject import damages_compressions, fault_lines, with_faults
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching
from mpzswap.topology.size import format_size
from mpzswap.workload.memory import step_of
from mpzswap.zswap.swap_entry import MAX_SWAPFILES
from mpzswap.zswap.swap_file import SwapFile, swap_folder

# Ours, by clock: a run that is over in under 20 s on two cores.
MEMORY_BYTES: dict[ClockName, int] = {
    "work": 64 << 20,
    "model": 512 << 10,
    "virtual": 4 << 20,
}
# ... and of such folios that there are some to reclaim.
LEAST_FOLIOS = 4
FOLIO_BYTES = 64 << 10
ROUNDS = 2
# Ours: of all workers' memory.  The pool counts to the limit, so at half of it, and a
# ratio of 2, next to nothing could stay resident.
LIMIT_PERCENT = 75
# Ours: more workers than that a default run does not need to show what happens.
MAX_DEFAULT_WORKERS = 8
# Ours: two cores keep up with two devices and their workers then.
TIME_SCALE = 1000.0
# Ours: no worker has shown progress for so long, so one is stuck.  A driver gives up
# on a request after ``completion_timeout_ms``, then its worker goes on.
STALL_TIMEOUT_S = 30.0
# Ours: of that a driver waits so long for a device's answer, by a model's clock.
STALL_PART = 2
# ... in virtual time: the largest batch, 16,384 pages, at some ms a page.
VIRTUAL_STALL_TIMEOUT_S = 300.0
# What finds a stream that is wrong though its device said success.
VERIFY, BALANCE = "driver.verify_compress", "driver.wq_balance"
TURNS = "turns"


class StressPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run, every choice made.

    Attributes:
        topology: its zswap settings say batching and batch_size.
        compressor: what the devices run.
        workers: processes, each on a CPU of the topology.
        memory_pages: of each worker.
        limit_pages: memory.high for all workers together.
        source: of pages, as ``mpzswap.page.source`` reads it.
        folio_pages: of the folios that are reclaimed.
        reclaim_batch: folios reclaimed in one batch, vm.compress-batchsize.
        swap_areas: pages of each worker's swap files, an area each, where what zswap
            does not take goes; none: it stays.
        changes: attributes of the topology that were set, KEY=VALUE, for the report.
        faults: what is to go wrong, as --inject takes it, for the report.
        interleave: folios lie on all nodes in turn, else on that of the worker's CPU.
        rounds: times that each page is written and read; 0: no limit.
        duration_s: no round begins after so long; 0: rounds alone decide.
        seed: every random choice follows from it.
        drop_every: of so many folios one is given up instead of checked; 0: none.
        verify: pages are touched again and checked after each round of writing.
        stall_timeout_s: a worker that the others wait for so long is ended, by the
            host's time; by its own where that is made up.
        clock: whose time it is: work, the host's; model or virtual, that of the
            topology's timing profile.
        time_scale: wall time of a model for its own time.
        stagger_ns: workers begin at random within so long: where a profile's time is
            kept, what a CPU has to do for a batch that is reclaimed.  Those that begin
            together would stay in step, since nothing there is left to chance: all of
            them would compress at once, and then none.
    """

    topology: Topology
    compressor: str
    workers: int
    memory_pages: int
    limit_pages: int
    source: str
    folio_pages: int
    reclaim_batch: int
    swap_areas: tuple[int, ...] = ()
    interleave: bool = False
    changes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    rounds: int
    duration_s: float
    seed: int
    drop_every: int = 0
    verify: bool = True
    stall_timeout_s: float = STALL_TIMEOUT_S
    clock: ClockName = "work"
    time_scale: float = TIME_SCALE
    stagger_ns: int = 0

    @property
    def clock_config(self) -> ClockConfig:
        """Whose time it is in the run's processes."""
        timing = self.topology.timing
        if self.clock == "work" or timing is None:
            return WORK
        costs = costs_of(timing, self.compressor)
        return ClockConfig(self.clock, costs, self.time_scale)

    @property
    def swap_pages(self) -> int:
        """Pages of all of a worker's swap areas."""
        return sum(self.swap_areas)

    def with_batching(self, batching: Batching) -> "StressPlan":
        """Give the same run with another batching mode."""
        replace = msgspec.structs.replace
        zswap = replace(self.topology.zswap, batching=batching)
        return replace(self, topology=replace(self.topology, zswap=zswap))


class Progress(msgspec.Struct, frozen=True):
    """How far a run has come."""

    phase: str
    pages_written: int
    pages_checked: int
    # Pages to be written and checked; 0 where a duration decides.
    pages_total: int
    elapsed_s: float
    # Of the duration, where that decides and another clock than the host's counts it.
    part: float = 0.0


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for, see ``StressPlan``; what is None is chosen."""

    topology: Topology
    seed: int
    workers: int | None = None
    memory: int | None = None
    limit: int | None = None
    pages: str = DEFAULT_SOURCE
    folio: int = FOLIO_BYTES
    compressor: str | None = None
    batching: Batching | None = None
    batch_size: int | None = None
    reclaim_batch: int | None = None
    swap: tuple[int, ...] = ()
    shrinker: bool | None = None
    interleave: bool = False
    changes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    rounds: int | None = None
    duration: float = 0.0
    verify: bool = True
    clock: ClockName = "work"
    time_scale: float | None = None


def choose(wishes: Wishes) -> StressPlan:
    """
    Choose what is left open, and check what is given.

    Raises:
        InputError: a wish cannot be had; the message has the limit.
    """
    faults = (*fault_lines(wishes.topology), *wishes.faults)
    wishes = _inject(wishes)
    memory = _choose_memory(wishes)
    workers = _choose_workers(wishes)
    _check_memory(wishes.folio, memory, workers)
    _check_swap(wishes)
    _check_zswap(wishes)
    compressor = wishes.compressor
    if compressor is None:
        compressor = wishes.topology.zswap.compressor
    parse_compressor(compressor)
    topology = _choose_topology(wishes)
    if wishes.time_scale is not None and wishes.clock != "model":
        raise InputError(
            f"time_scale: {wishes.time_scale:g}: must not be given with clock "
            f"{wishes.clock}: that of model alone has one"
        )
    if wishes.clock != "work":
        topology = _timed(topology, compressor, wishes)
    if wishes.clock == "virtual":
        check_files(workers, len(topology.devices))
    if wishes.clock == "model":
        topology = _noticed(topology, wishes)
    zswap = topology.zswap
    limit = wishes.limit
    if limit is None:
        limit = workers * memory * LIMIT_PERCENT // 100
    if limit < PAGE_SIZE:
        raise InputError(f"limit: {limit}: must be at least {PAGE_SIZE} bytes")
    rounds = 0 if wishes.duration else ROUNDS
    plan = StressPlan(
        topology=topology,
        compressor=compressor,
        workers=workers,
        memory_pages=memory // PAGE_SIZE,
        limit_pages=limit // PAGE_SIZE,
        source=wishes.pages,
        folio_pages=wishes.folio // PAGE_SIZE,
        reclaim_batch=wishes.reclaim_batch or zswap.compress_batchsize,
        swap_areas=tuple(area // PAGE_SIZE for area in wishes.swap),
        interleave=wishes.interleave,
        changes=wishes.changes,
        faults=faults,
        rounds=rounds if wishes.rounds is None else wishes.rounds,
        duration_s=wishes.duration,
        seed=wishes.seed,
        verify=wishes.verify,
        clock=wishes.clock,
        time_scale=wishes.time_scale or TIME_SCALE,
        stall_timeout_s=_stall_timeout_s(wishes),
    )
    return msgspec.structs.replace(plan, stagger_ns=_stagger_ns(plan))


def _stagger_ns(plan: StressPlan) -> int:
    """Give how far apart workers begin; one by itself begins at once."""
    costs = plan.clock_config.costs
    if plan.workers == 1 or not costs:
        return 0
    pages = plan.reclaim_batch * plan.folio_pages
    return round(pages * costs[step_of(plan.folio_pages)])


def _stall_timeout_s(wishes: Wishes) -> float:
    """Give the limit; a model's workers need so much longer for a folio."""
    if wishes.clock == "virtual":
        return VIRTUAL_STALL_TIMEOUT_S
    if wishes.clock != "model":
        return STALL_TIMEOUT_S
    return STALL_TIMEOUT_S * max(1.0, (wishes.time_scale or TIME_SCALE) / TIME_SCALE)


def _timed(topology: Topology, compressor: str, wishes: Wishes) -> Topology:
    """
    Give the topology as a profile's time is kept on it.

    A compressor that its devices do not have is software of the CPUs, as there.

    Raises:
        InputError: nobody knows the time, or it cannot be kept with what is wished.
    """
    timing = topology.timing
    if timing is None:
        raise InputError(
            f"clock: {wishes.clock}: topology {topology.name} has no timing profile"
        )
    if any(device.faults for device in topology.devices):
        raise InputError(f"clock: {wishes.clock}: faults need --clock work")
    costs_of(timing, compressor)
    if device_codec(timing, compressor) is None:
        return msgspec.structs.replace(topology, devices=())
    return topology


def _noticed(topology: Topology, wishes: Wishes) -> Topology:
    """
    Give the topology with a limit for answers that passes before a run's own.

    It is in the model's time: at a scale of 1000 five seconds are over an hour here,
    and workers that wait for a stopped device would be ended in its place.
    """
    replace = msgspec.structs.replace
    scale = wishes.time_scale or TIME_SCALE
    passes_ms = _stall_timeout_s(wishes) * 1000 / STALL_PART / scale
    limit_ms = min(topology.driver.completion_timeout_ms, math.ceil(passes_ms))
    driver = replace(topology.driver, completion_timeout_ms=limit_ms)
    return replace(topology, driver=driver)


def _inject(wishes: Wishes) -> Wishes:
    """
    Put the faults into the topology; what is not said, as a run with faults needs it.

    What damages streams is to be found, and a seed is to hit the same descriptors
    again: so who gets which must not hang on how fast devices are.
    """
    topology = with_faults(wishes.topology, wishes.faults, wishes.seed)
    driver = topology.driver
    needed = []
    if damages_compressions(topology) and not driver.verify_compress:
        needed.append((VERIFY, "true"))
    if any(device.faults for device in topology.devices) and driver.wq_balance != TURNS:
        needed.append((BALANCE, TURNS))
    said = {change.partition("=")[0] for change in wishes.changes}
    more = tuple(f"{key}={value}" for key, value in needed if key not in said)
    return msgspec.structs.replace(
        wishes, topology=changed(topology, more), changes=wishes.changes + more
    )


def _choose_workers(wishes: Wishes) -> int:
    cpus = cpu_count(wishes.topology)
    if wishes.workers is None:
        # What is made up is the same on any host.
        virtual = wishes.clock == "virtual"
        cores = MAX_DEFAULT_WORKERS if virtual else host.usable_cores()
        return min(cores, MAX_DEFAULT_WORKERS, cpus)
    if wishes.workers > cpus:
        raise InputError(
            f"workers: {wishes.workers}: must be at most {cpus}, "
            f"the CPUs of topology {wishes.topology.name}"
        )
    return wishes.workers


def _choose_memory(wishes: Wishes) -> int:
    if wishes.memory is None:
        return max(MEMORY_BYTES[wishes.clock], LEAST_FOLIOS * wishes.folio)
    return wishes.memory


def _check_memory(folio: int, memory: int, workers: int) -> None:
    if not memory or memory % folio:
        raise InputError(
            f"memory: {format_size(memory)}: must be a multiple of "
            f"{format_size(folio)}, the folio"
        )
    usable = host.usable_memory_bytes()
    if workers * memory > usable:
        raise InputError(
            f"memory: {format_size(memory)} for each of {workers} workers: together "
            f"it must be at most {format_size(usable)}, what this host lets us use"
        )


def _check_zswap(wishes: Wishes) -> None:
    if not wishes.topology.zswap.exclusive_loads:
        raise InputError(
            "zswap.exclusive_loads: false: must be true: a worker's page is in memory "
            "or in zswap, never in both"
        )
    nodes = len(wishes.topology.sockets)
    if wishes.interleave and nodes == 1:
        raise InputError(
            f"interleave: topology {wishes.topology.name} has 1 node, must have more"
        )


def _check_swap(wishes: Wishes) -> None:
    areas = wishes.swap
    if wishes.shrinker and not areas:
        raise InputError("shrinker: on: needs somewhere to write back to: --swap SIZE")
    if wishes.shrinker and not wishes.topology.zswap.writeback:
        raise InputError("shrinker: on: zswap.writeback must be true")
    if len(areas) > MAX_SWAPFILES:
        raise InputError(f"swap: {len(areas)} areas: must be at most {MAX_SWAPFILES}")
    for area in areas:
        if not area or area % PAGE_SIZE:
            raise InputError(
                f"swap: {format_size(area)}: must be a multiple of {PAGE_SIZE} bytes"
            )
    if areas:
        _check_swap_folder()


def _check_swap_folder() -> None:
    folder = swap_folder()
    try:
        SwapFile.create(folder, 1).close()
    except OSError as error:
        raise InputError(f"swap: {folder}: {error.strerror}") from error


def _choose_topology(wishes: Wishes) -> Topology:
    """Give the topology with zswap set as wished."""
    chosen: dict[str, object] = {
        "compressor": wishes.compressor,
        "batching": wishes.batching,
        "batch_size": wishes.batch_size,
        "shrinker_enabled": wishes.shrinker,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    replace = msgspec.structs.replace
    zswap = replace(wishes.topology.zswap, **given)
    return replace(wishes.topology, zswap=zswap)
