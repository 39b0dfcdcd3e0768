"""
The CPUs of a machine on paper, numbered as Linux numbers them.

The first threads of all cores come first, socket by socket, then the second threads:
on 2 sockets of 56 cores with 2 threads, core 0 is CPUs 0 and 112.
"""

from collections.abc import Iterable
from itertools import pairwise

from mpzswap.errors import InputError
from mpzswap.topology.model import Topology


def cpu_count(topology: Topology) -> int:
    """Give the number of CPUs, which is threads of all cores of all sockets."""
    return sum(socket.cores * socket.threads for socket in topology.sockets)


def cores_of(topology: Topology, node: int) -> list[tuple[int, ...]]:
    """Give the cores of *node*, each as its CPUs: siblings, lowest first."""
    cores: list[list[int]] = [[] for _ in range(topology.sockets[node].cores)]
    cpu = 0
    for thread in range(max(socket.threads for socket in topology.sockets)):
        for index, socket in enumerate(topology.sockets):
            if thread >= socket.threads:
                continue
            if index == node:
                for place, core in enumerate(cores):
                    core.append(cpu + place)
            cpu += socket.cores
    return [tuple(core) for core in cores]


def cpus_of(topology: Topology, node: int) -> list[int]:
    """Give the CPUs of *node* in ascending order."""
    return sorted(cpu for core in cores_of(topology, node) for cpu in core)


def node_of(topology: Topology, cpu: int) -> int:
    """
    Give the node of *cpu*, which is its package as well.

    Raises:
        InputError: the machine has no such CPU.
    """
    for node in range(len(topology.sockets)):
        if cpu in cpus_of(topology, node):
            return node
    raise InputError(f"cpu: {cpu}: must be 0 to {cpu_count(topology) - 1}")


def siblings_of(topology: Topology, cpu: int) -> tuple[int, ...]:
    """
    Give the CPUs of the core that has *cpu*, itself among them.

    Raises:
        InputError: the machine has no such CPU.
    """
    cores = cores_of(topology, node_of(topology, cpu))
    return next(core for core in cores if cpu in core)


def cpu_ranges(cpus: Iterable[int]) -> str:
    """Give CPUs as Linux lists them: 0-13,112-125."""
    ordered = sorted(cpus)
    starts = [0, *(i for i, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1)]
    runs = [ordered[a:b] for a, b in pairwise([*starts, len(ordered)])]
    return ",".join(
        str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs if run
    )
