"""Every sync mode, through real devices."""

import os
import signal
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

import mpzswap
from mpzswap.page.mix import generate
from mpzswap.topology.settings import SyncMode
from mpzswap.workload import stress
from mpzswap.workload.plan import Wishes, choose

SYNC_MODES: tuple[SyncMode, ...] = get_args(SyncMode)
PAGES = generate("mixed", 200, 1)
LIMIT_S = 30.0

pytestmark = pytest.mark.usefixtures("nobody_left")


def topology_with(**driver: Any) -> mpzswap.Topology:  # noqa: ANN401 - any attribute
    """Give a host of two devices whose driver is set so."""
    topology = mpzswap.Topology.for_host(devices=2)
    changed = msgspec.structs.replace(topology.driver, **driver)
    return msgspec.structs.replace(topology, driver=changed)


def interrupts(machine: mpzswap.Machine) -> int:
    """Give how many all devices have raised."""
    return sum(device.interrupts for device in machine.stats().devices)


@pytest.mark.parametrize("mode", SYNC_MODES)
@pytest.mark.parametrize("verify", [False, True])
def test_pages_come_back(mode: SyncMode, verify: bool) -> None:  # noqa: FBT001
    """Through bulk, a CPU and a store."""
    topology = topology_with(sync_mode=mode, verify_compress=verify)
    with mpzswap.Machine(topology, compressor="lz4") as machine:
        assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)
        packed = machine.cpu(0).submit(PAGES[:64]).wait(timeout_s=LIMIT_S)
        assert np.array_equal(machine.decompress(packed), PAGES[:64])
        store = machine.zswap(0)
        assert store.store(0, PAGES[:16])
        assert [store.load(page) for page in range(16)] == [
            page.tobytes() for page in PAGES[:16]
        ]
        driver = machine.stats().driver

        assert driver.total_sw_comp_calls + driver.total_sw_decomp_calls == 0


def test_devices_interrupt_once_for_each_descriptor_in_async_irq() -> None:
    """And never in the other modes."""
    for mode in SYNC_MODES:
        topology = topology_with(sync_mode=mode)
        with mpzswap.Machine(topology, compressor="lz4") as machine:
            machine.compress(PAGES)
            raised = interrupts(machine)

        assert raised == (len(PAGES) if mode == "async_irq" else 0)


def test_workers_are_interrupted_too() -> None:
    """A run of real worker processes, each with an interrupt of its own."""
    wishes = Wishes(
        topology=topology_with(sync_mode="async_irq"),
        seed=1,
        workers=2,
        memory=4 << 20,
        rounds=1,
    )
    report = stress.run(choose(wishes), lambda _: None)
    calls = sum(wq.comp_calls + wq.decomp_calls for d in report.devices for wq in d.wqs)

    assert report.ok
    assert report.paths.software == 0
    assert sum(device.interrupts for device in report.devices) == calls > 0


def test_sync_mode_cannot_be_changed_while_queues_are_enabled() -> None:
    """-EBUSY, as the kernel's attributes; before they are it can."""
    machine = mpzswap.Machine(topology_with(), compressor="lz4")
    machine.configure(sync_mode="sync", verify_compress=True)
    with machine:
        with pytest.raises(mpzswap.BusyError, match="sync_mode: EBUSY"):
            machine.configure(sync_mode="async")

        assert machine.topology.driver.sync_mode == "sync"
        assert len(machine.compress(PAGES[:8])) == 8
        queues = [wq for device in machine.stats().devices for wq in device.wqs]
        assert sum(wq.verify_calls for wq in queues) > 0


def test_attribute_that_there_is_not_is_refused() -> None:
    """By its path."""
    machine = mpzswap.Machine(topology_with())
    with pytest.raises(mpzswap.TopologyError, match="driver"):
        machine.configure(sync_modes="sync")
    with pytest.raises(mpzswap.TopologyError, match=r"driver.sync_mode"):
        machine.configure(sync_mode="poll")


def test_device_that_died_interrupts_nobody_and_is_noticed() -> None:
    """Whoever sleeps looks up now and then."""
    topology = topology_with(sync_mode="async_irq")
    with mpzswap.Machine(topology, compressor="lz4") as machine:
        cpu = machine.cpu(0)
        pids = [device.child.pid for device in machine.core.devices.all]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        batch = cpu.submit(PAGES[:8])
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        packed = batch.wait(timeout_s=LIMIT_S)

        assert set(packed.path.tolist()) <= {mpzswap.Path.SOFTWARE, mpzswap.Path.RAW}
