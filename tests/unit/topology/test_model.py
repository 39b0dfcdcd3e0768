"""Topologies: what is filled in, what is refused and how it is named."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mpzswap.errors import TopologyError
from mpzswap.topology.model import Device, Socket, Topology, WorkQueue


def document(**parts: object) -> dict[str, Any]:
    """Give the least document that is right, with *parts* put in."""
    least: dict[str, Any] = {"memory": "1G", "sockets": [{"cores": 4}], "devices": []}
    return least | parts


def refused(**parts: object) -> str:
    """Give the line with which a document with *parts* is refused."""
    with pytest.raises(TopologyError) as caught:
        Topology.from_document(document(**parts))
    line = str(caught.value)
    assert "\n" not in line
    return line


def refused_device(**parts: object) -> str:
    """Give the line with which a document with such a second device is refused."""
    return refused(devices=[{"name": "iax1"}, {"name": "iax3", **parts}])


def test_device_has_one_group_and_one_queue_of_everything() -> None:
    """What is left out is as the IAA defaults of idxd have it."""
    device = Device(name="iax1")

    assert len(device.groups) == len(device.wqs) == 1
    assert device.groups[0].compress_engines == 2
    assert device.groups[0].decompress_engines == 8
    assert device.wqs[0] == WorkQueue(size=128)


def test_shared_queue_may_be_filled_to_its_threshold() -> None:
    """A threshold that is not given is the whole size; a dedicated queue has none."""
    shared = WorkQueue(mode="shared", size=64)

    assert shared.threshold == shared.capacity == 64
    assert WorkQueue(mode="shared", size=64, threshold=16).capacity == 16
    assert WorkQueue(size=64).capacity == 64


@pytest.mark.parametrize(
    ("wq", "line"),
    [
        ({"size": 0}, "size: 0: must be an integer >= 1"),
        ({"size": "many"}, "size: many: must be an integer"),
        ({"size": True}, "size: true: must be an integer"),
        ({}, "size: missing, must be given"),
        ({"size": 1, "priority": 16}, "priority: 16: must be an integer <= 15"),
        (
            {"size": 1, "mode": "common"},
            "mode: common: must be one of dedicated, shared",
        ),
        (
            {"size": 1, "type": "user"},
            "type: user: must be one of kernel",
        ),
        (
            {"size": 8, "threshold": 4},
            "threshold: 4: must be 0, only a shared queue has one",
        ),
        (
            {"size": 8, "mode": "shared", "threshold": 9},
            "threshold: 9: must be at most the queue's size, 8",
        ),
        (
            {"size": 200},
            "size: 200: must be at most 64, what is left of the device's work",
        ),
        (
            {"size": 8, "group_id": 1},
            "group_id: 1: must be below 1, the number of the device's groups",
        ),
        (
            {"size": 1, "depth": 3},
            "depth: unknown key, must be one of name, group_id, mode, size, priority,",
        ),
    ],
)
def test_wrong_queue_is_named_by_path_value_and_limit(
    wq: dict[str, object], line: str
) -> None:
    """One line says which queue, what it has and what it must have."""
    said = refused_device(wqs=[{"name": "first", "size": 64}, wq])

    assert said.startswith(f"devices[1].wqs[1].{line}")


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"name": "a b"}, "name: a b: must be text that matches "),
        ({"compress_engines": 0}, "compress_engines: 0: must be an integer >= 1"),
        (
            {"groups": [{"compress_engines": 1}, {"compress_engines": 2}]},
            "groups[1].compress_engines: 2: must be at most 1, what is left of",
        ),
        ({"max_transfer_size": "5000"}, "max_transfer_size: 5000: must be a power of"),
        ({"max_transfer_size": "2K"}, "max_transfer_size: 2048: must be an integer >="),
        ({"numa_node": 1}, "numa_node: 1: must be below 1, the number of sockets"),
        ({"wqs": 3}, "wqs: 3: must be a list"),
        ({"wqs": [{"size": 1}] * 9}, "wqs: a list of 9: must be a list of length <= 8"),
        ({"wqs": [{"size": 1}] * 2}, "wqs: iaa_crypto: 2 have this name, must be one"),
        ({"groups": [{}] * 5}, "groups: a list of 5: must be a list of length <= 4"),
    ],
)
def test_wrong_device_is_named_by_path_value_and_limit(
    parts: dict[str, object], line: str
) -> None:
    """One line says which device, what it has and what it must have."""
    assert refused_device(**parts).startswith(f"devices[1].{line}")


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"version": 2}, "version: 2: must be one of 1"),
        ({"memory": "lots"}, "memory: 'lots': must be a number of bytes"),
        ({"memory": 1}, "memory: 1: must be an integer >= 4096"),
        ({"memory": 1 << 70}, "memory: 1180591620717411303424: must be"),
        ({"sockets": []}, "sockets: a list of 0: must be a list of length >= 1"),
        ({"sockets": [{"cores": 1024, "threads": 8}] * 2}, "sockets: 16384 CPUs: must"),
        ({"devices": [{"name": "a"}] * 2}, "devices: a: 2 have this name, must be one"),
        ({"device": []}, "device: unknown key, must be one of version, name, "),
        (
            {"driver": {"sync_mode": "irq"}},
            "driver.sync_mode: irq: must be one of async",
        ),
        ({"driver": {"verify": 1}}, "driver.verify: unknown key, must be one of sync"),
        ({"driver": {"enqcmds_retries": 65}}, "driver.enqcmds_retries: 65: must be an"),
        (
            {"zswap": {"batching": False}},
            "zswap.batching: false: must be one of dri",
        ),
        ({"zswap": {"compressor": "lzo"}}, "zswap.compressor: lzo: must be text that"),
        ({"zswap": {"compress_batchsize": 33}}, "zswap.compress_batchsize: 33: must"),
        ({"zswap": None}, "zswap: null: must be a mapping"),
        ({"description": "x" * 1001}, "description: " + "x" * 40 + "...: must be text"),
    ],
)
def test_wrong_topology_is_named_by_path_value_and_limit(
    parts: dict[str, object], line: str
) -> None:
    """One line says which key, what it has and what it must have."""
    assert refused(**parts).startswith(line)


def test_queue_whose_group_has_no_engine_for_its_work_is_refused() -> None:
    """Such a queue would take descriptors and never answer."""
    groups = [{"compress_engines": 2}, {"decompress_engines": 8}]
    wqs = [
        {"name": "a", "size": 8, "group_id": 1},
        {"name": "b", "size": 8, "group_id": 0},
    ]
    crossed = [{**wqs[0], "group_id": 0}, {**wqs[1], "group_id": 1}]

    Topology.from_document(
        document(devices=[{"name": "iax1", "groups": groups, "wqs": wqs}])
    )
    said = refused_device(groups=groups, wqs=crossed)

    assert said.startswith(
        "devices[1].wqs[1].group_id: 1: must be a group with compress_engines"
    )


def test_what_is_made_in_python_is_checked_too() -> None:
    """Parts that do not fit together are refused wherever they come from."""
    with pytest.raises(TopologyError, match=r"^devices\[0\].numa_node: 1: "):
        Topology(
            memory=1 << 30,
            sockets=(Socket(cores=1),),
            devices=(Device(name="iax1", numa_node=1),),
        )
    with pytest.raises(TopologyError, match=r"^wqs\[0\].size: 200: "):
        msgspec.structs.replace(Device(name="iax1"), wqs=(WorkQueue(size=200),))


def test_json_travels_there_and_back() -> None:
    """A child process gets the very topology that its parent has."""
    topology = Topology.named("spr-2s8iaa")

    assert Topology.from_json(topology.to_json()) == topology


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff"])
def test_json_that_is_no_topology_is_refused(data: bytes) -> None:
    """It is a TopologyError whatever arrives."""
    with pytest.raises(TopologyError):
        Topology.from_json(data)


def test_file_gives_the_topology_its_name(tmp_path: Path) -> None:
    """A topology is called as its file, unless the file says otherwise."""
    plain, called = tmp_path / "my machine.yaml", tmp_path / "b.yaml"
    text = "{memory: 1G, sockets: [{cores: 1}], devices: []"
    plain.write_text(text + "}")
    called.write_text(text + ", name: other}")

    assert Topology.load(plain).name == "my machine"
    assert Topology.load(str(called)).name == "other"


def test_error_in_a_file_begins_with_the_path_of_the_value(tmp_path: Path) -> None:
    """The contract: the path of the bad value comes first."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "{memory: 1G, sockets: [{cores: 1}], devices: [{name: a, wqs: [{size: 999}]}]}"
    )

    with pytest.raises(TopologyError, match=r"^devices\[0\].wqs\[0\].size: 999: must"):
        Topology.load(path)


def test_host_has_as_many_devices_as_asked() -> None:
    """By default one for each usable core; else what the caller says."""
    topology = Topology.for_host(devices=3)

    assert [device.name for device in topology.devices] == ["iax0", "iax1", "iax2"]
    assert len(Topology.for_host().devices) == min(64, topology.sockets[0].cores)
    assert Topology.named("host") == Topology.for_host()


@pytest.mark.parametrize("devices", [0, -1, 65])
def test_host_without_or_with_too_many_devices_is_refused(devices: int) -> None:
    """The limit is named."""
    with pytest.raises(TopologyError, match=f"devices: {devices}: must be 1 to 64"):
        Topology.for_host(devices=devices)
