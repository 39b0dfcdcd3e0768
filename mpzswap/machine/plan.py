"""What a machine is made from."""

from dataclasses import dataclass

from mpzswap.clock.config import WORK, ClockConfig
from mpzswap.topology.model import Topology


@dataclass(frozen=True)
class Plan:
    """
    A machine to be.

    Attributes:
        topology: on paper.
        compressor: what its devices run.
        cores: of the host, which all its processes may use.
        max_submitters: workers, CPUs and stores that there may be over its life.
        clock: whose time it is in all its processes.
    """

    topology: Topology
    compressor: str
    cores: tuple[int, ...]
    max_submitters: int
    clock: ClockConfig = WORK
