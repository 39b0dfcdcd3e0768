"""How a stress run is laid out."""

import pytest

from mpzswap.topology.model import Topology
from mpzswap.workload.stress import worker_cpus


@pytest.mark.parametrize("workers", [1, 16, 112, 150, 224])
def test_workers_are_spread_over_all_cores(workers: int) -> None:
    """No CPU has two, and every node has its share."""
    cpus = worker_cpus(Topology.named("spr-2s8iaa"), workers)

    assert len(set(cpus)) == workers
    first = sum(cpu < 56 or 112 <= cpu < 168 for cpu in cpus)
    assert abs(first - workers / 2) <= 1
