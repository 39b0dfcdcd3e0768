"""How compressions are spread over the devices of a node: patch 08, and version 14."""

import msgspec
import pytest

import mpzswap
from mpzswap.page.mix import generate
from mpzswap.topology.mapping import device_map
from mpzswap.topology.settings import DriverSettings
from mpzswap.workload import stress
from mpzswap.workload.plan import Wishes, choose

LIMIT_S = 60.0
PAGES = generate("text", 64, 1)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nobody_left")]


def server(**driver: int | str) -> mpzswap.Topology:
    """Give two sockets of four devices, with a local and a global queue each."""
    topology = mpzswap.Topology.named("spr-2s8iaa-2wq")
    settings: DriverSettings = msgspec.structs.replace(topology.driver, **driver)
    return msgspec.structs.replace(topology, driver=settings)


@pytest.mark.parametrize("consec", [1, 5])
def test_global_queues_of_a_node_compress_alike(consec: int) -> None:
    """Their calls differ by less than 2 %, and local queues have none."""
    wishes = Wishes(
        topology=server(g_consec_descs_per_gwq=consec),
        seed=1,
        workers=4,
        memory=8 << 20,
        compressor="lz4",
        rounds=1,
    )
    report = stress.run(choose(wishes), lambda _: None)
    assert report.ok
    for node in (report.devices[:4], report.devices[4:]):
        calls = [device.wqs[1].comp_calls for device in node]

        assert min(calls) > 0.98 * max(calls) > 0
        assert [device.wqs[0].comp_calls for device in node] == [0] * 4
        assert [device.wqs[1].decomp_calls for device in node] == [0] * 4


@pytest.mark.parametrize(
    "driver",
    [
        {"g_wqs_per_iaa": 0},
        {"wq_tables": "package", "distribute_comps": 0, "g_comp_wqs_per_iaa": 0},
    ],
)
def test_without_distribution_a_cpu_uses_its_mapped_device_alone(
    driver: dict[str, int | str],
) -> None:
    """By either rule, for CPUs of every device."""
    topology = server(**driver)
    mapped = device_map(topology, range(8))
    cpus = [0, 14, 55, 56, 84, 167, 223]
    with mpzswap.Machine(topology, compressor="lz4") as machine:
        for cpu in cpus:
            before = [device.descriptors for device in machine.stats().devices]
            machine.cpu(cpu).submit(PAGES).wait(timeout_s=LIMIT_S)
            after = [device.descriptors for device in machine.stats().devices]
            used = {i for i in range(8) if after[i] > before[i]}

            assert used == {mapped[cpu]}


def test_decompressions_stay_with_the_local_queues_of_the_mapped_device() -> None:
    """While compressions go to every device of the node."""
    with mpzswap.Machine(server(), compressor="lz4") as machine:
        store = machine.zswap(cpu=0)
        assert store.store(0, PAGES)
        assert [store.load(page) for page in range(64)] == [
            page.tobytes() for page in PAGES
        ]
        devices = machine.stats().devices
        calls = [[wq.decomp_calls for wq in device.wqs] for device in devices]

        assert calls == [[64, 0]] + [[0, 0]] * 7
