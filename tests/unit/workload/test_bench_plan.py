"""What a bench is to do."""

from pathlib import Path

import pytest

from mpzswap.errors import InputError
from mpzswap.topology import host
from mpzswap.topology.settings import SyncMode
from mpzswap.workload.bench_plan import BenchPlan, Point, choose_topologies, load_source


def plan(
    depths: tuple[int, ...] = (8,),
    batch_sizes: tuple[int, ...] = (8,),
    source: str = "mix:text",
    compressor: str = "lz4",
    sync_modes: tuple[SyncMode, ...] = ("async",),
) -> BenchPlan:
    """Give a sweep of compression."""
    return BenchPlan(
        topologies=choose_topologies("host", (1, 2)),
        compressors=(compressor,),
        operations=("compress",),
        batch_sizes=batch_sizes,
        depths=depths,
        sync_modes=sync_modes,
        source=source,
        count=None,
        repeat=1,
        seed=7,
    )


def test_depth_is_raised_to_whole_batches_and_done_once() -> None:
    """Depths 1 and 8 of a batch of 8 are the same point."""
    points = plan(depths=(1, 8, 9), batch_sizes=(8,)).points()

    assert points == [Point("compress", 8, 1), Point("compress", 8, 2)]
    assert [point.depth for point in points] == [8, 16]


def test_each_number_of_devices_is_a_machine() -> None:
    """The host's topology is made with just so many."""
    machines = list(plan().machines())

    assert [len(topology.devices) for topology, _ in machines] == [1, 2]


def test_each_sync_mode_is_a_driver_of_its_own() -> None:
    """In the order of the list; nothing else of the topology changes."""
    sweep = plan(sync_modes=("async_irq", "sync"))
    topology = sweep.topologies[0]
    irq, sync = sweep.in_each_mode(topology)

    assert (irq.driver.sync_mode, sync.driver.sync_mode) == ("async_irq", "sync")
    assert irq.devices == sync.devices == topology.devices


def test_devices_of_cpu_0_take_turns_both_ways() -> None:
    """Those of another node would be idle, and count for nothing."""
    (topology,) = choose_topologies("spr-2s8iaa", None)

    assert len(topology.devices) == 4
    assert {device.numa_node for device in topology.devices} == {0}
    assert topology.driver.distribute_comps
    assert topology.driver.distribute_decomps


@pytest.mark.parametrize("name", ["host", "spr-2s8iaa-2wq"])
def test_changes_hold_but_for_the_turns(name: str) -> None:
    """Also on the host, which is made anew for each number of devices."""
    changes = ("driver.enqcmds_retries=3", "driver.wq_tables=global")
    for topology in choose_topologies(name, (1, 2), changes):
        assert topology.driver.enqcmds_retries == 3
        assert topology.driver.wq_tables == "package"
        assert topology.driver.distribute_decomps


def test_more_devices_than_cpu_0_uses_are_refused() -> None:
    """The message has the number, the limit and the topology."""
    with pytest.raises(InputError, match=r"devices: 5: .* most 4, .* spr-2s8iaa uses"):
        choose_topologies("spr-2s8iaa", (1, 5))


def test_unknown_compressor_is_refused_before_anything_starts() -> None:
    """A sweep does not fail at its last point."""
    with pytest.raises(InputError, match="lzo"):
        plan(compressor="lzo")


def test_mix_has_as_many_pages_as_a_pass_needs() -> None:
    """A mix has no end of its own."""
    assert len(load_source(plan()).pages) == 4096


def test_file_is_taken_whole(tmp_path: Path) -> None:
    """Whoever names a file wants its pages, not 4096 of them."""
    file = tmp_path / "pages"
    file.write_bytes(b"x" * 4096 * 3)

    assert len(load_source(plan(source=str(file))).pages) == 3


def test_source_that_memory_does_not_hold_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the host begins to swap."""
    monkeypatch.setattr(host, "usable_memory_bytes", lambda: 16 << 20)

    with pytest.raises(InputError, match="16M: must be at most 4M on this host"):
        load_source(plan())


def test_each_sync_mode_has_pages_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three machines are open at once: ten copies of each page."""
    monkeypatch.setattr(host, "usable_memory_bytes", lambda: 100 << 20)
    load_source(plan())

    with pytest.raises(InputError, match="16M: must be at most 10M on this host"):
        load_source(plan(sync_modes=("sync", "async", "async_irq")))
