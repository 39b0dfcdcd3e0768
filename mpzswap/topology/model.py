"""
What a topology file says, as frozen structs; the words are accel-config's.

    Topology
    |-- sockets   Socket: cores, threads; socket i is node i
    |-- devices   Device: engines, groups, wqs (WorkQueue), faults
    |-- driver    settings.DriverSettings: the attributes of iaa_crypto
    |-- zswap     settings.ZswapSettings: module parameters and sysctls
    `-- timing    timing.Timing: what its devices and CPUs take

Ranges are in the types and hold for what is read; what one value says of another
is checked by ``__post_init__`` (see ``check``), so it holds for whatever is made.

Sources: Linux, drivers/dma/idxd (idxd.h, sysfs.c), and the lists that accel-config
prints for a Sapphire Rapids IAA.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from mpzswap.errors import TopologyError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.topology import check, host, named
from mpzswap.topology.document import in_bytes, read_document
from mpzswap.topology.explain import explained
from mpzswap.topology.settings import (
    MAX_ENGINES,
    MAX_WQS,
    DriverSettings,
    ZswapSettings,
)
from mpzswap.topology.size import MAX_SIZE_BYTES
from mpzswap.topology.timing import Timing, written_out

# accel-config list of an IAA: max_groups 4, work_queue_size 128,
# max_transfer_size 2 GiB a device, of which a work queue takes 2 MiB by default.
MAX_GROUPS = 4
WORK_QUEUE_SIZE = 128
MAX_TRANSFER_SIZE = 2 << 30
WQ_TRANSFER_SIZE = 2 << 20

# Zswap IAA compress batching, RFC v1, patch 10: 2 compress, 8 decompress engines.
COMPRESS_ENGINES = 2
DECOMPRESS_ENGINES = 8

# Ours: a device that is a process is asleep, or without a core, for longer than
# hardware takes for all of its 128 entries.  Bulk was a third faster with 512, and lz4
# another twentieth with 1024.
HOST_QUEUE_SIZE = 1024
# As many of the default 8 pages as an IAA's queue holds.  Measured with one worker on
# two cores, others using them too: 42 MiB/s of deflate-iaa with 2, 83 with 8, 113
# with 16.
HOST_SUB_BATCHES = 16
# It claims nothing of hardware; its engines are like a core.
HOST_TIMING = "plain"

# Ours: servers have at most 8 IAA; a study may go further.
MAX_DEVICES = 64
MAX_WORK_QUEUE_SIZE = 4096
MAX_SOCKETS = 64
MAX_CORES = 1024
MAX_THREADS = 8
# Ours: each restart has lanes and words of its own, laid out beforehand.
MAX_RESTARTS = 16
MAX_BACKOFF_MS = 60_000
MAX_FAULTS = 64

Engines = Annotated[int, Meta(ge=1, le=MAX_ENGINES)]
GroupEngines = Annotated[int, Meta(ge=0, le=MAX_ENGINES)]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")]
FaultLine = Annotated[str, Meta(max_length=500)]


class Socket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One package, which is one NUMA node as well.

    Linux numbers the first thread of every core of the machine, socket by socket,
    then the second threads: 2 sockets of 56 cores give node 0 CPUs 0-55,112-167.
    """

    cores: Annotated[int, Meta(ge=1, le=MAX_CORES)]
    threads: Annotated[int, Meta(ge=1, le=MAX_THREADS)] = 1


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The engines that serve the work queues with this group's index as group_id."""

    compress_engines: GroupEngines = 0
    decompress_engines: GroupEngines = 0

    def has(self, kinds: Iterable[str]) -> bool:
        """Tell whether it has engines of all *kinds*."""
        return all(getattr(self, kind) for kind in kinds)


class WorkQueue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A work queue; what is not given is as the IAA defaults of idxd have it.

    Attributes:
        size: entries, in descriptors.
        threshold: entries that submitters of a shared queue may fill; not given (0)
            it becomes ``size``, as accel-config's templates have it.
        priority: weight among the queues of a group: 6 takes 3 times what 2 takes.
    """

    name: Name = "iaa_crypto"
    group_id: Annotated[int, Meta(ge=0, lt=MAX_GROUPS)] = 0
    mode: Literal["dedicated", "shared"] = "dedicated"
    size: Annotated[int, Meta(ge=1, le=MAX_WORK_QUEUE_SIZE)]
    priority: Annotated[int, Meta(ge=1, le=15)] = 10
    threshold: Annotated[int, Meta(ge=0, le=MAX_WORK_QUEUE_SIZE)] = 0
    type: Literal["kernel"] = "kernel"
    driver_name: Literal["crypto"] = "crypto"

    def __post_init__(self) -> None:
        """Fill in the threshold of a shared queue, then check it."""
        if self.mode == "shared" and not self.threshold:
            msgspec.structs.force_setattr(self, "threshold", self.size)
        check.work_queue(self)

    @property
    def capacity(self) -> int:
        """Descriptors that may be outstanding on it, of all submitters together."""
        return self.threshold if self.mode == "shared" else self.size


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One IAA; without groups one group has all its engines, without wqs one has all.

    Attributes:
        work_queue_size: entries that all its work queues have together.
        max_transfer_size: bytes that one descriptor may read or write.
        restart: whether its process is started anew when it has died; systemd's word
            (systemd.service(5), Restart=). The kernel leaves a halted device disabled.
        restart_backoff_ms: how long after its first death; twice as long after each
            further one.
        restart_limit: times that it is started anew in a machine's life.
        faults: what goes wrong in it, a line each, see ``topology.faults``.
    """

    name: Name
    numa_node: Annotated[int, Meta(ge=0, lt=MAX_SOCKETS)] = 0
    compress_engines: Engines = COMPRESS_ENGINES
    decompress_engines: Engines = DECOMPRESS_ENGINES
    work_queue_size: Annotated[int, Meta(ge=1, le=MAX_WORK_QUEUE_SIZE)] = (
        WORK_QUEUE_SIZE
    )
    max_transfer_size: Annotated[int, Meta(ge=PAGE_SIZE, le=MAX_TRANSFER_SIZE)] = (
        WQ_TRANSFER_SIZE
    )
    groups: Annotated[tuple[Group, ...], Meta(max_length=MAX_GROUPS)] = ()
    wqs: Annotated[tuple[WorkQueue, ...], Meta(max_length=MAX_WQS)] = ()
    restart: Literal["never", "on-failure"] = "never"
    restart_backoff_ms: Annotated[int, Meta(ge=0, le=MAX_BACKOFF_MS)] = 100
    restart_limit: Annotated[int, Meta(ge=1, le=MAX_RESTARTS)] = 3
    faults: Annotated[tuple[FaultLine, ...], Meta(max_length=MAX_FAULTS)] = ()

    def __post_init__(self) -> None:
        """Fill in the group and the work queue that were left out, then check."""
        fill = msgspec.structs.force_setattr
        if not self.groups:
            engines = self.compress_engines, self.decompress_engines
            group = Group(compress_engines=engines[0], decompress_engines=engines[1])
            fill(self, "groups", (group,))
        if not self.wqs:
            fill(self, "wqs", (WorkQueue(size=self.work_queue_size),))
        check.device(self)

    @property
    def max_restarts(self) -> int:
        """How often its process may be started anew."""
        return self.restart_limit if self.restart == "on-failure" else 0


class Topology(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The machine on paper, and how its driver and zswap are set.

    Attributes:
        version: of the file format.
        name: the file's name without its suffix, unless the file gives another.
        memory: bytes of RAM of the machine; zswap's pool is a share of it.
        timing: what its devices and CPUs take; a file may name a profile.
    """

    version: Literal[1] = 1
    name: Annotated[str, Meta(min_length=1, max_length=255)] = "unnamed"
    description: Annotated[str, Meta(max_length=1000)] = ""
    memory: Annotated[int, Meta(ge=PAGE_SIZE, le=MAX_SIZE_BYTES)]
    sockets: Annotated[tuple[Socket, ...], Meta(min_length=1, max_length=MAX_SOCKETS)]
    devices: Annotated[tuple[Device, ...], Meta(max_length=MAX_DEVICES)]
    driver: DriverSettings = DriverSettings()
    zswap: ZswapSettings = ZswapSettings()
    timing: Timing | None = None

    def __post_init__(self) -> None:
        """Check what one part says of another."""
        check.topology(self)

    @property
    def max_incarnations(self) -> int:
        """How many processes, one after the other, a device may have at most."""
        return 1 + max((device.max_restarts for device in self.devices), default=0)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """
        Read a topology file.

        Raises:
            TopologyError: it cannot be read, or is wrong.
        """
        path = Path(path)
        return cls.from_document({"name": path.stem, **read_document(path)})

    @classmethod
    def named(cls, name: str) -> Self:
        """
        Give a topology that comes with mpzswap; "host" is made for this machine.

        Raises:
            TopologyError: none has this name.
        """
        return cls.for_host() if name == named.HOST else cls.load(named.path_of(name))

    @classmethod
    def for_host(cls, devices: int | None = None) -> Self:
        """
        Give a topology for this machine: a device for each core that we may use.

        Raises:
            TopologyError: *devices* is not 1 to 64.
        """
        cores = min(host.usable_cores(), MAX_CORES)
        count = min(cores, MAX_DEVICES) if devices is None else devices
        if not 1 <= count <= MAX_DEVICES:
            raise TopologyError(f"devices: {count}: must be 1 to {MAX_DEVICES}")
        timing = Timing.named(HOST_TIMING)
        engines = timing.compress_engines.count, timing.decompress_engines.count
        return cls(
            name=named.HOST,
            description="this machine, a device for each usable core",
            memory=host.usable_memory_bytes(),
            sockets=(Socket(cores=cores),),
            driver=DriverSettings(wq_balance="shortest"),
            zswap=ZswapSettings(nr_sub_batches=HOST_SUB_BATCHES),
            devices=tuple(
                Device(
                    name=f"iax{index}",
                    compress_engines=engines[0],
                    decompress_engines=engines[1],
                    work_queue_size=HOST_QUEUE_SIZE,
                )
                for index in range(count)
            ),
            timing=timing,
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """
        Make a topology from the plain mappings and lists of a file.

        Raises:
            TopologyError: something in it is wrong.
        """
        plain = in_bytes(written_out(document))
        with explained(cls, plain):
            return msgspec.convert(plain, cls)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """
        Read what ``to_json`` wrote.

        Raises:
            TopologyError: it is no JSON, or something in it is wrong.
        """
        try:
            document = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise TopologyError(f"JSON: {error}") from error
        return cls.from_document(document)

    def to_json(self) -> bytes:
        """Give it as JSON, every default written out, for another process."""
        return msgspec.json.encode(self)
