"""Names, files and the schema."""

import re
from pathlib import Path

import msgspec
import pytest

from mpzswap.errors import TopologyError
from mpzswap.topology import named
from mpzswap.topology.load import find_topology, named_topologies
from mpzswap.topology.model import Topology
from mpzswap.topology.schema import schema
from mpzswap.topology.size import SIZE_PATTERN


def test_topology_is_found_by_name_and_by_file() -> None:
    """What commands take as --topology."""
    path = named.path_of("spr-1s4iaa")

    assert find_topology("spr-1s4iaa") == find_topology(str(path))
    assert find_topology("host").name == "host"


def test_unknown_name_is_told_the_known_ones() -> None:
    """One line helps further."""
    with pytest.raises(TopologyError, match=r"'spr-9s': must be .* host, .*spr-2s8iaa"):
        find_topology("spr-9s")
    with pytest.raises(TopologyError, match=r"'\.\./x': must be one of host, "):
        Topology.named("../x")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A name that ends as files do is meant as a file."""
    with pytest.raises(TopologyError, match=r"No such file"):
        find_topology(str(tmp_path / "gone.yaml"))


@pytest.mark.parametrize("name", named.names())
def test_no_change_leaves_a_topology_as_it_is(name: str) -> None:
    """What is filled in is filled in once."""
    assert find_topology(name) == Topology.named(name)


def test_changes_are_in_place_of_what_the_topology_says() -> None:
    """Each is read as a file has it, and the rest stays."""
    changes = (
        "driver.sync_mode=sync",
        "driver.distribute_decomps=true",
        "driver.g_consec_descs_per_gwq=4  # in a row",
        "zswap.batching=off",
        "memory=64M",
    )
    topology = find_topology("spr-1s4iaa", changes)

    plain = Topology.named("spr-1s4iaa")
    assert topology == msgspec.structs.replace(
        plain,
        memory=64 << 20,
        driver=msgspec.structs.replace(
            plain.driver,
            sync_mode="sync",
            distribute_decomps=True,
            g_consec_descs_per_gwq=4,
        ),
        zswap=msgspec.structs.replace(plain.zswap, batching="off"),
    )


def test_host_can_be_changed_too() -> None:
    """It has no file, but the same attributes."""
    assert find_topology("host", ["zswap.batch_size=3"]).zswap.batch_size == 3


def test_last_change_of_a_key_holds() -> None:
    """As of any option that is given twice."""
    changes = ("zswap.batch_size=3", "zswap.batch_size=5")

    assert find_topology("laptop-2iaa", changes).zswap.batch_size == 5


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("driver.sync_mode", "set: 'driver.sync_mode': must be KEY=VALUE"),
        ("", "set: '': must be KEY=VALUE"),
        ("x" * 99, f"set: '{'x' * 40}': must be KEY=VALUE"),
        ("devices=[]", "set: 'devices': unknown key, must be memory, driver.NAME, "),
        ("devices.restart=always", "devices[0].restart: always: must be one of "),
        ("devices.a=1", "devices[0].a: unknown key, must be one of name, "),
        ("driver=1", "set: 'driver': unknown key, must be memory, "),
        ("name=mine", "set: 'name': unknown key, must be memory, "),
        ("memory.x=1", "set: 'memory.x': unknown key, must be memory, "),
        ("driver.a\n=1", r"set: 'driver.a\n': unknown key, must be memory, "),
        ("driver.verify=1", "driver.verify: unknown key, must be one of sync_mode, "),
        ("zswap.a=1", "zswap.a: unknown key, must be one of compressor, "),
        ("driver.sync_mode=irq", "driver.sync_mode: irq: must be one of async, "),
        ("driver.verify_compress=yes", "driver.verify_compress: yes: must be true or"),
        ("driver.g_wqs_per_iaa=9", "driver.g_wqs_per_iaa: 9: must be an integer <= 8"),
        ("driver.g_wqs_per_iaa=", "driver.g_wqs_per_iaa: null: must be an integer"),
        ("driver.g_wqs_per_iaa=010", "driver.g_wqs_per_iaa: the number '010' must be"),
        ("zswap.batching=[off]", "zswap.batching: must be a single value"),
        ("zswap.batching=a: b", "zswap.batching: must be a single value"),
        ("zswap.batching=*off", "zswap.batching: found undefined alias"),
        ("zswap.batching=!x off", "zswap.batching: the tag '!x' is not known here"),
        ("zswap.batching=\x01", "zswap.batching: unacceptable character"),
        ("zswap.batching=" + "[" * 9999, "zswap.batching: nested deeper than 20"),
        ("timing={}", "timing: must be a single value"),
        ("timing=spr", "timing: 'spr': must be one of none, plain, spr-v14, "),
        ("timing.cpu=1", "set: 'timing.cpu': unknown key, must be memory, "),
        ("memory=lots", "memory: 'lots': must be a number of bytes"),
        ("memory=64", "memory: 64: must be an integer >= 4096"),
    ],
)
def test_wrong_change_is_named_in_one_line(change: str, line: str) -> None:
    """By its key, the value and what it must be."""
    with pytest.raises(TopologyError) as caught:
        find_topology("laptop-2iaa", [change])

    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_change_of_devices_is_of_all_of_them() -> None:
    """Each has it, by the name that a file gives it."""
    topology = find_topology("laptop-2iaa", ["devices.restart=on-failure"])

    assert [device.max_restarts for device in topology.devices] == [3, 3]


def test_change_that_does_not_fit_the_devices_is_refused(tmp_path: Path) -> None:
    """The whole is checked as a file is."""
    file = tmp_path / "split.yaml"
    file.write_text(
        "{memory: 1G, sockets: [{cores: 1}], devices: [{name: a, groups: "
        "[{decompress_engines: 8}, {compress_engines: 2}], wqs: "
        "[{name: x, size: 8}, {name: y, size: 8, group_id: 1}]}]}"
    )

    find_topology(str(file))
    with pytest.raises(TopologyError, match=r"^devices\[0\].wqs\[1\].group_id: 1: "):
        find_topology(str(file), ["driver.verify_compress=true"])


def test_all_named_topologies_are_listed() -> None:
    """The host comes first."""
    assert tuple(each.name for each in named_topologies()) == named.names()


def test_installed_files_come_before_a_checkout_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel has them inside the package; a checkout at the top."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setattr(named, "FOLDERS", (inside, outside))

    before = named.folder()
    inside.mkdir()

    assert (before, named.folder()) == (outside, inside)


def test_schema_lets_sizes_have_units() -> None:
    """An editor that knows the schema takes 503G and a number of bytes."""
    parts = schema()["$defs"]
    memory = parts["Topology"]["properties"]["memory"]["anyOf"]
    transfer = parts["Device"]["properties"]["max_transfer_size"]

    assert [each["type"] for each in memory] == ["integer", "string"]
    assert transfer["default"] == 2 << 20
    assert re.match(SIZE_PATTERN, "503G")


def test_schema_lets_timing_be_a_name_or_a_mapping() -> None:
    """An editor offers the profiles that there are."""
    timing = schema()["$defs"]["Topology"]["properties"]["timing"]

    assert timing == {
        "anyOf": [
            {"$ref": "#/$defs/Timing"},
            {"type": "null"},
            {"type": "string", "enum": ["none", *named.timing_names()]},
        ],
        "default": None,
    }


def test_timing_profiles_are_no_topologies() -> None:
    """Their files are in a folder of their own."""
    assert not set(named.names()) & set(named.timing_names())
