"""Queues are disabled and enabled while the machine runs."""

from collections.abc import Iterator

import numpy as np
import pytest

import mpzswap
from mpzswap.page.mix import generate
from mpzswap.report.records import QueueReport

PAGES = generate("text", 64, 1)
LIMIT_S = 30.0

pytestmark = pytest.mark.usefixtures("nobody_left")


@pytest.fixture
def machine() -> Iterator[mpzswap.Machine]:
    """Give two devices with a queue to decompress on and one to compress on."""
    topology = mpzswap.Topology.named("laptop-2iaa")
    with mpzswap.Machine(topology, compressor="lz4") as machine:
        yield machine


def queues(machine: mpzswap.Machine) -> dict[str, QueueReport]:
    """Give every queue by its name."""
    return {wq.name: wq for device in machine.stats().devices for wq in device.wqs}


def calls(machine: mpzswap.Machine) -> dict[str, int]:
    """Give the compress calls of each queue that has any."""
    found = {name: wq.comp_calls for name, wq in queues(machine).items()}
    return {name: count for name, count in found.items() if count}


def test_disabled_queue_gets_nothing_more(machine: mpzswap.Machine) -> None:
    """The others of its kind have its share, and it comes back when it is enabled."""
    cpu = machine.cpu(0)
    cpu.submit(PAGES).wait(timeout_s=LIMIT_S)
    assert calls(machine) == {"wq0.1": 32, "wq1.1": 32}
    machine.disable("iax0/wq0.1")
    assert queues(machine)["wq0.1"].state == "disabled"
    cpu.submit(PAGES).wait(timeout_s=LIMIT_S)
    # Of iax0 the other queue is left, which compresses now.
    assert calls(machine) == {"wq0.0": 32, "wq0.1": 32, "wq1.1": 64}
    machine.enable("iax0/wq0.1")
    cpu.submit(PAGES).wait(timeout_s=LIMIT_S)

    assert calls(machine) == {"wq0.0": 32, "wq0.1": 64, "wq1.1": 96}


def test_disabled_device_gets_nothing_more(machine: mpzswap.Machine) -> None:
    """Its CPUs are mapped to the devices that are left, and back again."""
    machine.disable("iax0")
    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)
    first, second = machine.stats().devices
    assert (first.state, first.descriptors) == ("ready", 0)
    assert second.descriptors == 128
    machine.enable("iax0")
    machine.compress(PAGES)

    assert machine.stats().devices[0].descriptors > 0


def test_without_any_queue_software_carries_on(machine: mpzswap.Machine) -> None:
    """And the report says so."""
    machine.disable("iax0")
    machine.disable("iax1")
    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)
    stats = machine.stats()

    assert stats.driver.reasons == {"no_device": 128}
    assert [device.descriptors for device in stats.devices] == [0, 0]


def test_what_is_in_a_queue_is_done_though_it_is_disabled(
    machine: mpzswap.Machine,
) -> None:
    """Nothing is lost, and nothing is done twice."""
    batch = machine.cpu(0).submit(PAGES)
    machine.disable("iax0")
    machine.disable("iax1")
    packed = batch.wait(timeout_s=LIMIT_S)

    assert set(packed.path.tolist()) == {mpzswap.Path.DEVICE}
    assert np.array_equal(machine.decompress(packed), PAGES)


def test_unknown_name_is_refused(machine: mpzswap.Machine) -> None:
    """With those that there are."""
    with pytest.raises(mpzswap.InputError, match=r"must be one of iax0, "):
        machine.disable("iax2")


def test_queues_of_a_closed_machine_cannot_be_disabled() -> None:
    """There are none."""
    machine = mpzswap.Machine(mpzswap.Topology.named("laptop-2iaa"))
    with pytest.raises(mpzswap.ClosedError):
        machine.disable("iax0")
