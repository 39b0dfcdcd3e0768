"""The file of a sweep, which an interrupted one goes on with."""

from pathlib import Path

import msgspec
import pytest

from mpzswap.errors import InputError, MpzswapError
from mpzswap.report.sweep_records import SweepLine
from mpzswap.topology.model import Topology
from mpzswap.version import __version__
from mpzswap.workload.sweep import SweepPlan
from mpzswap.workload.sweep_file import opened
from tests.tools.sweeps import REPORT, done_line, failed_line

LAPTOP, OTHER = Topology.named("laptop-2iaa"), Topology.named("spr-1s1iaa")
PLAN = SweepPlan(
    axes={"topology": ("mine.yaml",), "workers": (1, 2, 3), "seed": (1,)},
    topologies={"mine.yaml": LAPTOP},
)
COMBINATIONS = PLAN.combinations()


def today(line: SweepLine) -> SweepLine:
    """Give a line as it is made here and now."""
    digest = PLAN.digest_of(line.parameters)
    return msgspec.structs.replace(line, version=__version__, topology_digest=digest)


ONE, TWO, THREE = (today(done_line(**each)) for each in COMBINATIONS)
FOUR = done_line(topology="mine.yaml", workers=9, seed=1)


def rows(*lines: SweepLine) -> bytes:
    """Give lines as a file has them."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    """Give the place of a file."""
    return tmp_path / "sweep.jsonl"


def test_lines_are_there_as_soon_as_they_are_added(file: Path) -> None:
    """Whoever is killed next has lost nothing."""
    with opened(str(file)) as kept:
        kept.append(TWO)

        assert file.read_bytes() == rows(TWO)


def test_lines_begin_with_what_they_are() -> None:
    """Format and command come first, then the parameters."""
    assert rows(TWO).startswith(
        b'{"format":1,"command":"sweep","parameters":{"topology":"mine.yaml",'
        b'"workers":2,"seed":1},"version":'
    )


def test_lines_that_are_there_and_ok_are_done(file: Path) -> None:
    """What failed is done again; of two lines of a run the last holds."""
    failed = [today(failed_line("why", **each)) for each in COMBINATIONS]
    file.write_bytes(rows(failed[2], THREE, ONE, failed[1]))

    with opened(str(file)) as kept:
        done = kept.done(PLAN)

    assert sorted(done) == [0, 2]
    assert rows(done[0], done[2]) == rows(ONE, THREE)


@pytest.mark.parametrize("left", [1, 20, 60, len(rows(TWO)) - 1])
def test_torn_last_line_is_dropped(file: Path, left: int) -> None:
    """It is in the way of the next one, and gone when that comes."""
    file.write_bytes(rows(ONE) + rows(TWO)[:left])

    with opened(str(file)) as kept:
        assert sorted(kept.done(PLAN)) == [0]
        assert file.read_bytes() != rows(ONE)
        kept.append(THREE)

    assert file.read_bytes() == rows(ONE, THREE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (rows(FOUR), "line 1: is of another sweep"),
        (rows(ONE) + b"hello\n", "line 2: is no line of a sweep"),
        (rows(ONE) + b"hello", "line 2: is no line of a sweep"),
        (b"hello", "line 1: is no line of a sweep"),
        (b"{}\n", "line 1: is no line of a sweep"),
        (rows(ONE).replace(REPORT, b'{"x":1}'), "line 1: is no line of a sweep"),
        (rows(ONE).replace(REPORT, b"null"), "line 1: is no line of a sweep"),
        (rows(done_line()).replace(b',"report":' + REPORT, b""), "must have a report"),
        (rows(failed_line("x")).replace(b"false", b"true"), "must have a report"),
        (b"[" * 100_000 + b"\n", "line 1: is no line of a sweep"),
        (rows(ONE).replace(b'"format":1', b'"format":2', 1), "must be sweep of format"),
    ],
)
def test_other_file_is_refused_and_left_alone(
    file: Path, data: bytes, message: str
) -> None:
    """Nobody's letters are taken for a torn line."""
    file.write_bytes(data)

    with pytest.raises(InputError, match=message), opened(str(file)) as kept:
        kept.done(PLAN)

    assert file.read_bytes() == data


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"topology_digest": PLAN.digest_of(COMBINATIONS[0])[::-1]}, "mine.yaml was"),
        ({"topology_digest": ""}, "topology mine.yaml was not said: must be"),
        ({"version": "0.0.1"}, f"mpzswap was 0.0.1: must be {__version__}"),
    ],
)
def test_line_of_another_topology_or_program_is_refused(
    file: Path, change: dict[str, str], told: str
) -> None:
    """Its name may be the same, and its figures are not."""
    file.write_bytes(rows(ONE, msgspec.structs.replace(TWO, **change)))

    with (
        opened(str(file)) as kept,
        pytest.raises(InputError, match=f"line 2: .*{told}"),
    ):
        kept.done(PLAN)


def test_topologies_of_a_name_are_told_apart_by_what_is_in_them() -> None:
    """Whatever file they were read from."""
    other = SweepPlan(axes=PLAN.axes, topologies={"mine.yaml": OTHER})

    assert other.digest_of(COMBINATIONS[0]) != PLAN.digest_of(COMBINATIONS[0])


def test_end_puts_lines_in_order(file: Path) -> None:
    """Its bytes do not tell which run ended first; its mode is as it was."""
    file.write_bytes(rows(THREE, ONE))
    file.chmod(0o640)

    with opened(str(file)) as kept:
        kept.append(TWO)
        kept.finish([ONE, TWO, THREE])

    assert file.read_bytes() == rows(ONE, TWO, THREE)
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_end_keeps_a_link(file: Path) -> None:
    """The file is where it was, and the link leads to it."""
    link = file.with_name("link")
    link.symlink_to(file)

    with opened(str(link)) as kept:
        kept.append(ONE)
        kept.finish([ONE])

    assert link.is_symlink()
    assert file.read_bytes() == rows(ONE)


def test_sweep_that_did_nothing_leaves_no_file(file: Path) -> None:
    """A mistake in an option makes none."""
    with opened(str(file)):
        assert file.exists()

    assert not file.exists()


def test_two_sweeps_do_not_share_a_file(file: Path) -> None:
    """The second one says so."""
    with (
        opened(str(file)),
        pytest.raises(MpzswapError, match=r"sweep.jsonl: another sweep writes it"),
        opened(str(file)),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "message"),
    [("/dev/null", "must be a file"), ("/proc/no", "No such"), ("/tmp", "directory")],
)
def test_place_that_is_none_is_refused(name: str, message: str) -> None:
    """In one line, before anything starts."""
    with pytest.raises(InputError, match=message), opened(name):
        pass


def test_seed_of_all_lines_is_known(file: Path) -> None:
    """Whoever gave none goes on with it; where lines differ there is none."""
    file.write_bytes(rows(ONE, TWO))
    with opened(str(file)) as kept:
        assert kept.seed() == 1

    file.write_bytes(rows(ONE, done_line(workers=1, seed=2)))
    with opened(str(file)) as kept:
        assert kept.seed() is None
