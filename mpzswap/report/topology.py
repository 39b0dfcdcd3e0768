"""
A topology as text: what is where, which CPUs use it, how it is set.

    node 0   56 cores x 2 threads   CPUs 0-55,112-167
    |-- iax1   2 compress, 8 decompress engines   CPUs 0-13,112-125
    |   `-- wq1.0 iaa_crypto   dedicated 128   comp+decomp
    CPUs 0-13,112-125
        compress    iax1/wq1.0 iax3/wq3.0
        decompress  iax1/wq1.0
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from mpzswap.report.timing import figures
from mpzswap.topology.cpus import cpu_count, cpu_ranges, cpus_of
from mpzswap.topology.mapping import device_map
from mpzswap.topology.model import Device, Group, Topology, WorkQueue
from mpzswap.topology.size import format_size
from mpzswap.topology.wq_names import device_id, path_of, wq_name
from mpzswap.topology.wq_table import WqId, WqTables, wq_tables

# A terminal's 80, without the last column, which some terminals wrap.
WIDTH = 79

# Queues of a table that are named: 4 IAA of 2 fit in a line.
MAX_NAMED_WQS = 8

# How the first line and the further lines of a part are begun, by "is it the last?".
BRANCH = {False: ("|-- ", "|   "), True: ("`-- ", "    ")}


class _Seat(NamedTuple):
    """CPUs of one node that are mapped to one device: they have the same queues."""

    node: int
    device: int
    cpus: list[int]
    # Of the first CPU; others may begin at another queue of a device.
    tables: WqTables


def picture(topology: Topology) -> str:
    """Give the machine as a tree, settings and timing below; in 79 columns."""
    memory, cpus = _rounded(topology.memory), cpu_count(topology)
    seats = _seats(topology)
    lines = [
        f"{topology.name}: {topology.description}",
        f"memory {memory}   CPUs {cpus}   devices {len(topology.devices)}",
    ]
    for node in range(len(topology.sockets)):
        lines += ["", *_node(topology, node, seats)]
    lines += ["", *_settings("driver", topology.driver)]
    lines += ["", *_settings("zswap", topology.zswap)]
    lines += ["", *figures(topology.timing)]
    return "\n".join(line for long in lines for line in _folded(long)) + "\n"


def table(topologies: Sequence[Topology]) -> str:
    """Give one line for each topology: name, size, what it is."""
    rows = [("name", "CPUs", "IAA", "memory", "description")]
    rows += [
        (
            each.name,
            str(cpu_count(each)),
            str(len(each.devices)),
            _rounded(each.memory),
            each.description,
        )
        for each in topologies
    ]
    wide = max(len(row[0]) for row in rows)
    room = WIDTH - wide - len("  CPUs  IAA  memory  ")
    return "".join(
        f"{name:{wide}}  {cpus:>4}  {iaa:>3}  {memory:>6}  {_cut(text, room)}\n"
        for name, cpus, iaa, memory, text in rows
    )


def _cut(text: str, room: int) -> str:
    """Give a description, or as much of it as fits beside the figures."""
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def _rounded(size: int) -> str:
    """Give a size in at most four digits, rounded down."""
    for unit in (1, 1 << 10, 1 << 20, 1 << 30):
        if size < unit * 10_000:
            return format_size(size // unit * unit)
    return format_size(size >> 40 << 40)


def _seats(topology: Topology) -> list[_Seat]:
    """Give which CPUs use which queues, if all are usable."""
    devices = topology.devices
    wqs = [WqId(i, wq) for i, part in enumerate(devices) for wq in range(len(part.wqs))]
    mapped = device_map(topology, range(len(devices)))
    seats: dict[tuple[int, int], list[int]] = {}
    for node in range(len(topology.sockets)):
        for cpu in cpus_of(topology, node):
            if mapped:
                seats.setdefault((node, mapped[cpu]), []).append(cpu)
    return [
        _Seat(node, device, cpus, wq_tables(topology, cpus[0], wqs))
        for (node, device), cpus in seats.items()
    ]


def _node(topology: Topology, node: int, seats: list[_Seat]) -> Iterator[str]:
    """Give one node's part of the tree."""
    socket = topology.sockets[node]
    threads = f" x {socket.threads} threads" if socket.threads > 1 else ""
    cpus = cpu_ranges(cpus_of(topology, node))
    yield f"node {node}   {socket.cores} cores{threads}   CPUs {cpus}"
    here = [
        index for index, part in enumerate(topology.devices) if part.numa_node == node
    ]
    if not topology.devices:
        yield "    no device: software does all the work"
    elif not here:
        yield "    no device: its CPUs are shared out among the other nodes' devices"
    for index in here:
        first, further = BRANCH[index == here[-1]]
        head, *rest = _device(topology, index, seats)
        yield first + head
        yield from (further + line for line in rest)
    for seat in seats:
        if seat.node == node:
            yield from _seat(topology, seat)


def _device(topology: Topology, index: int, seats: list[_Seat]) -> Iterator[str]:
    """Give one device's part: engines, its CPUs, groups, restart, faults, queues."""
    part = topology.devices[index]
    cpus = cpu_ranges(
        cpu for seat in seats for cpu in seat.cpus if seat.device == index
    )
    yield f"{part.name}   {_engines(part)}   CPUs {cpus or 'none'}"
    if len(part.groups) > 1:
        for number, group in enumerate(part.groups):
            yield f"{BRANCH[False][0]}group {number}   {_engines(group)}"
    if part.max_restarts:
        yield f"{BRANCH[False][0]}restart {_restart(part)}"
    for line in part.faults:
        yield f"{BRANCH[False][0]}fault {line}"
    for number, wq in enumerate(part.wqs):
        first, _ = BRANCH[number == len(part.wqs) - 1]
        name = wq_name(device_id(part, index), number)
        yield f"{first}{name} {_wq(part, wq)}   {_uses(WqId(index, number), seats)}"


def _restart(part: Device) -> str:
    """Give when a device is started anew; the pause doubles with each death."""
    times, pause_ms = part.restart_limit, part.restart_backoff_ms
    return f"{part.restart}   after {pause_ms} ms, doubled each time   limit {times}"


def _uses(wq: WqId, seats: list[_Seat]) -> str:
    """Give what a queue is for."""
    comp = any(wq in seat.tables.comp for seat in seats)
    decomp = any(wq in seat.tables.decomp for seat in seats)
    return "+".join(["comp"] * comp + ["decomp"] * decomp) or "not used"


def _seat(topology: Topology, seat: _Seat) -> Iterator[str]:
    """Give the queues that some CPUs use in turn, from the first on."""
    comp, decomp, consec = seat.tables
    row = f"   {consec} in a row" if consec > 1 else ""
    yield f"CPUs {cpu_ranges(seat.cpus)}"
    yield f"    compress    {_wqs(topology, comp)}{row}"
    yield f"    decompress  {_wqs(topology, decomp)}"


def _wqs(topology: Topology, wqs: tuple[WqId, ...]) -> str:
    """Name queues as accel-config does; of very many the first."""
    names = [path_of(topology, wq) for wq in wqs]
    more = len(names) - MAX_NAMED_WQS
    text = " ".join(names[:MAX_NAMED_WQS]) or "software"
    return f"{text} and {more} more" if more > 0 else text


def _engines(part: Device | Group) -> str:
    """Give the engines of a device or a group."""
    comp, decomp = part.compress_engines, part.decompress_engines
    return f"{comp} compress, {decomp} decompress engines"


def _wq(part: Device, wq: WorkQueue) -> str:
    """Give what a queue is."""
    shared = f" threshold {wq.threshold}" if wq.mode == "shared" else ""
    group = f"   group {wq.group_id}" if len(part.groups) > 1 else ""
    return f"{wq.name}   {wq.mode} {wq.size}{shared}   priority {wq.priority}{group}"


def _settings(title: str, settings: msgspec.Struct) -> Iterator[str]:
    """Give settings, one a line; true and false as a file has them."""
    yield title
    values = msgspec.to_builtins(settings)
    wide = max(map(len, values))
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else value
        yield f"    {name:{wide}}  {text}"


def _folded(line: str) -> Iterator[str]:
    """Cut a long line at its last blank or comma; what follows is set under it."""
    hang = " " * (len(line) - len(line.lstrip(" |`-")) + 4)
    while len(line) > WIDTH:
        cut = max(line.rfind(" ", len(hang), WIDTH), line.rfind(",", len(hang), WIDTH))
        cut = cut + 1 if cut >= 0 else WIDTH
        yield line[:cut].rstrip()
        line = hang + line[cut:]
    yield line
