"""Timing profiles: what is read, what is refused, and what an engine takes."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mpzswap.errors import TopologyError
from mpzswap.topology.load import changed, find_topology
from mpzswap.topology.model import Topology
from mpzswap.topology.timing import Direction, Timing
from tests.tools.timings import direction, document, figure


def engine_of(*points: tuple[int, float]) -> Direction:
    """Give a direction with these points."""
    return msgspec.convert(direction(*points), Direction)


def machine(timing: object) -> Topology:
    """Give a machine whose file has this *timing*."""
    return Topology.from_document(
        {"memory": "1G", "sockets": [{"cores": 1}], "devices": [], "timing": timing}
    )


def refused(timing: object) -> str:
    """Give the line that a topology with this *timing* is refused with."""
    with pytest.raises(TopologyError) as caught:
        machine(timing)
    line = str(caught.value)
    assert "\n" not in line
    return line


def with_cpu(**changes: object) -> dict[str, Any]:
    """Give a profile with another part of the CPU."""
    return document(cpu={**document()["cpu"], **changes})


def with_lz4(**changes: object) -> dict[str, Any]:
    """Give a profile in which devices take something else for lz4."""
    return document(devices={"lz4": {**document()["devices"]["lz4"], **changes}})


@pytest.mark.parametrize(
    ("size", "ns"),
    [(0, 0), (512, 100), (1024, 200), (2560, 600), (4096, 1000), (8192, 2000)],
)
def test_engine_takes_what_lies_between_its_points(size: int, ns: float) -> None:
    """From nothing to the first, from point to point, and on in proportion."""
    assert engine_of((1024, 200), (4096, 1000)).engine_ns(size) == pytest.approx(ns)


@pytest.mark.parametrize("second", [1024, 512])
def test_points_that_do_not_ascend_are_refused(second: int) -> None:
    """Two times for one size would be a riddle."""
    timing = with_lz4(decompress=direction((1024, 1), (second, 2)))

    assert refused(timing) == (
        f"timing.devices.lz4.decompress.engine[1].bytes: {second}: must be over 1024, "
        "the point before"
    )


NO_SOURCE = {"ns": 1}
FOLIOS = {"64K": figure(1), "8K": figure(1)}
LATE = {"4K": figure(1), "64K": figure(-2)}
OF_ONE = {"count": 0, "source": "ours"}


@pytest.mark.parametrize(
    ("timing", "line"),
    [
        (with_cpu(load_call=NO_SOURCE), "cpu.load_call.source: missing, must be given"),
        (with_cpu(load_call=3), "cpu.load_call: 3: must be a mapping"),
        (with_cpu(load_call=figure(2e9)), "cpu.load_call.ns: 2000000000.0: must be a "),
        (with_cpu(load_call=figure(math.nan)), "cpu.load_call.ns: nan: must be a numb"),
        (with_cpu(load_call={**figure(1), "source": ""}), "cpu.load_call.source: : mu"),
        (with_cpu(swap_out={}), "cpu.swap_out: a mapping of 0: must be a mapping of l"),
        (
            with_cpu(swap_out=FOLIOS),
            "cpu.swap_out.8K: unknown key, must be one of 4K, 16K, 32K, 64K, 2M",
        ),
        (with_cpu(swap_out=LATE), "cpu.swap_out.64K.ns: -2: must be a number >= 0.0"),
        (
            document(software={"lzo-rle": {}}),
            "software.lzo-rle: unknown key, must be one of deflate, deflate-iaa, def",
        ),
        (document(software={"lz4:1": {}}), "software.lz4:1: unknown key, must be one "),
        (document(devices={5: {}}), "devices.5: unknown key, must be one of deflate, "),
        (document(devices={"lz4": {}}), "devices.lz4.compress: missing, must be given"),
        (with_lz4(compress={"calls": 1}), "devices.lz4.compress.calls: unknown key, m"),
        (with_lz4(compress=direction()), "devices.lz4.compress.engine: a list of 0: "),
        (
            with_lz4(compress=direction((0, 1))),
            "devices.lz4.compress.engine[0].bytes: 0: must be an integer >= 1",
        ),
        (document(compress_engines=OF_ONE), "compress_engines.count: 0: must be an in"),
        (document(version=2), "version: 2: must be one of 1"),
        (document(name="\x1b[2J"), "name: '\\x1b[2J': has '\\x1b' in it"),
        (document(cpus={}), "cpus: unknown key, must be one of version, name, "),
        (document(**{"a - at b": 1}), "a - at b: unknown key, must be one of version"),
    ],
)
def test_wrong_value_is_named_by_its_path(timing: object, line: str) -> None:
    """From the topology's top, with the keys of all mappings on the way."""
    assert refused(timing).startswith(f"timing.{line}")


@pytest.mark.parametrize("name", ["x", 5, ["plain"], True, "plain.yaml", "x" * 999])
def test_unknown_profile_is_told_the_known_ones(name: object) -> None:
    """Whatever is no mapping is meant as a name."""
    line = refused(name)

    assert line.startswith(f"timing: {repr(name)[:40]}: must be one of none, plain, ")
    assert line.endswith("spr-v14, or a mapping")


def test_profile_by_name_is_that_of_its_file() -> None:
    """And a topology that names it has it written out."""
    plain = Timing.named("plain")

    assert machine("plain").timing == plain
    assert Topology.from_json(machine("plain").to_json()).timing == plain
    with pytest.raises(TopologyError, match=r"timing: '\.\./x': must be one of plain"):
        Timing.named("../x")


@pytest.mark.parametrize("nothing", [None, "none"])
def test_topology_may_have_no_timing(nothing: object) -> None:
    """As one whose file says nothing of it."""
    assert machine(nothing).timing is None


def test_profile_of_a_file_has_its_name(tmp_path: Path) -> None:
    """As a topology has."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(msgspec.json.encode(document()))

    assert Timing.load(path) == msgspec.convert(document(name="mine"), Timing)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cpu: [", "{path}: line 1: "),
        ("[]", "{path}: line 1: must be a mapping with the keys of a timing profile"),
        ("cpus: 1", "cpus: unknown key, must be one of version, name, "),
    ],
)
def test_wrong_file_is_told_in_a_line(tmp_path: Path, text: str, line: str) -> None:
    """What is no document by its file, a value by its path."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)

    with pytest.raises(TopologyError) as caught:
        Timing.load(path)

    assert str(caught.value).startswith(line.format(path=path))


def test_timing_can_be_changed_for_a_run() -> None:
    """To another profile, or to none."""
    assert find_topology("laptop-2iaa", ["timing=spr-v14"]).timing == Timing.named(
        "spr-v14"
    )
    for word in ("none", "null", ""):
        assert find_topology("laptop-2iaa", [f"timing={word}"]).timing is None


def test_other_changes_leave_a_profile_as_it_is() -> None:
    """Also one that is of no file."""
    topology = machine(document())

    assert changed(topology, ["memory=2G"]).timing == topology.timing


def test_machine_of_this_host_has_plain_figures() -> None:
    """They claim nothing of hardware."""
    assert Topology.for_host(devices=1).timing == Timing.named("plain")
