"""What the benchmarks of batching, contention and existence compare."""

import os
from argparse import Namespace

import msgspec
import pytest

from mpzswap.report.records import FairnessReport
from mpzswap.topology.cpus import cpu_count
from tests.tools.reports import stress_report
from tools.bench.bench_batching import sent_points, stored_points
from tools.bench.bench_contention import fairness, topology_of
from tools.bench.bench_existence import judge_goals, private_bytes, smaps
from tools.bench.contest import Outcome, Standing
from tools.bench.spread import Measure

LISTS = Namespace(batch_size=(1, 8), depth=(1, 4, 64), devices=(1, 2))


def test_whole_way_is_compared_with_batching_off() -> None:
    """Off is the first, and nothing is measured twice."""
    assert [str(point) for point in stored_points(LISTS)] == [
        "off, 2 IAA",
        "requests 1 a batch, 2 IAA",
        "requests 8 a batch, 2 IAA",
        "driver 1 a batch, 2 IAA",
        "driver 8 a batch, 2 IAA",
        "driver 8 a batch, 1 IAA",
    ]


def test_data_path_is_compared_with_one_page_at_a_time() -> None:
    """One thing at a time is changed; a batch is no larger than what is in flight."""
    assert [str(point) for point in sent_points(LISTS)] == [
        "off, 2 IAA",
        "1 a batch, 64 in flight, 2 IAA",
        "8 a batch, 64 in flight, 2 IAA",
        "4 a batch, 4 in flight, 2 IAA",
        "8 a batch, 64 in flight, 1 IAA",
    ]


@pytest.mark.parametrize(("workers", "devices"), [(1, 8), (72, 1)])
def test_every_worker_has_a_core_on_paper(workers: int, devices: int) -> None:
    """Whatever this host has."""
    topology = topology_of(workers, devices)

    assert cpu_count(topology) == workers
    assert len(topology.devices) == devices


def test_fairness_of_a_run_too_short_is_by_each_ones_own_time() -> None:
    """Nobody looked while all of them wrote."""
    report = stress_report()
    short = msgspec.structs.replace(report, fairness=FairnessReport())

    assert fairness(report) == report.fairness.jain_index
    assert fairness(short) == pytest.approx(0.9925, abs=0.0001)


def standing(name: str, measure: str, *samples: float) -> Standing:
    """Give a contestant with one measure."""
    return Standing(name, (Measure.of_baseline(measure, samples),))


def test_goals_are_judged_by_the_median() -> None:
    """Some are of one machine, some of each; what has none is not judged."""
    outcome = Outcome(
        "",
        (
            standing("2 IAA", "start, s", 0.1, 0.2, 9.0),
            standing("1 IAA", "start, s", 9.0),
            standing("1 IAA", "device, MiB", 61.0),
        ),
    )

    assert list(judge_goals(outcome)) == [
        "2 IAA, start, s: under 0.7: met",
        "1 IAA, device, MiB: under 60: not met",
    ]


def test_private_memory_is_a_part_of_what_is_resident() -> None:
    """As the kernel tells of ourselves."""
    assert 0 < private_bytes(os.getpid()) <= smaps(os.getpid(), "Rss")
