"""Machines on paper: small ones as a test says, and any."""

from collections.abc import Iterable

import msgspec
from hypothesis import strategies as st

from mpzswap.topology.model import Device, Socket, Topology, WorkQueue
from mpzswap.topology.settings import DriverSettings
from mpzswap.topology.wq_table import WqId


def machine(
    wqs: int = 1, nodes: tuple[int, ...] = (0, 0), **driver: int | str
) -> Topology:
    """Give a machine of 2 nodes x 4 cores x 2 threads, with devices on *nodes*."""
    queues = tuple(WorkQueue(name=f"q{wq}", size=8) for wq in range(wqs))
    return Topology(
        memory=1 << 30,
        sockets=(Socket(cores=4, threads=2), Socket(cores=4, threads=2)),
        devices=tuple(
            Device(name=f"iax{index}", numa_node=node, wqs=queues)
            for index, node in enumerate(nodes)
        ),
        driver=DriverSettings(**driver),  # type: ignore[arg-type]  # flags as 0 and 1
    )


def changed(topology: Topology, **driver: int | str) -> Topology:
    """Give the same machine with other settings of its driver."""
    settings = msgspec.structs.replace(topology.driver, **driver)
    return msgspec.structs.replace(topology, driver=settings)


def queues_of(topology: Topology, devices: Iterable[int]) -> list[WqId]:
    """Give all queues of *devices*."""
    wqs = [part.wqs for part in topology.devices]
    return [WqId(device, wq) for device in devices for wq in range(len(wqs[device]))]


@st.composite
def sockets(draw: st.DrawFn) -> tuple[Socket, ...]:
    """Give sockets of any shape."""
    one = st.builds(Socket, cores=st.integers(1, 12), threads=st.integers(1, 2))
    return tuple(draw(st.lists(one, min_size=1, max_size=3)))
