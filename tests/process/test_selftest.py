"""The self-test with real devices: it passes, and whatever is wrong has a name."""

from collections.abc import Callable

import msgspec
import pytest

from mpzswap.cli.main import main
from mpzswap.codec import table
from mpzswap.codec.contract import Codec
from mpzswap.codec.lz4 import Lz4
from mpzswap.codec.table import CODECS, Entry
from mpzswap.codec.vector import Known, Plain, Refused, Suite, letters, noise
from mpzswap.codec.vectors import SUITES
from mpzswap.errors import CorruptStreamError
from mpzswap.report.selftest_records import SelftestReport
from mpzswap.workload import selftest
from mpzswap.workload.selftest import BATCHINGS, BY_CODEC, SYNC_MODES, SelftestPlan

pytestmark = pytest.mark.usefixtures("nobody_left")

BY_DEVICES = [f"{sync}/{batching}" for sync in SYNC_MODES for batching in BATCHINGS]
STREAM = CODECS["lz4"].make().compress(memoryview(letters()))


def run(compressor: str, suite: Suite | None = None) -> SelftestReport:
    """Test a compressor, with other vectors than its own if there are any."""
    suites = SUITES if suite is None else {compressor: suite}
    plan = SelftestPlan(compressors=(compressor,), seed=7, suites=suites)
    return selftest.run(plan, lambda _: None)


class Flipping(Lz4):
    """LZ4 that gives the wrong first byte."""

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give what *data* holds, but for a bit of it."""
        result = bytearray(super().decompress(data, limit))
        if result:
            result[0] ^= 1
        return bytes(result)


@pytest.mark.slow
@pytest.mark.parametrize("compressor", CODECS)
def test_compressor_gives_the_known_answers(compressor: str) -> None:
    """By itself, and by devices in every sync mode and every batching mode."""
    report = run(compressor)

    assert (report.failures, report.ok) == ((), True)
    assert [result.mode for result in report.results] == [BY_CODEC, *BY_DEVICES]
    assert all(result.passed == result.vectors >= 20 for result in report.results)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "fault"),
    [
        (Suite((), (Known("changed", b"b" + letters()[1:], STREAM),), ()), "is not"),
        (Suite((), (Known("changed", letters(), STREAM[:-1]),), ()), "EINVAL"),
        (Suite((Plain("changed", noise()),), (), ()), "E2BIG"),
        (Suite((Plain("changed", letters(), compresses=False),), (), ()), "SUCCESS"),
        (Suite((), (), (Refused("changed", CorruptStreamError, STREAM),)), "by DEVICE"),
    ],
)
def test_wrong_answer_of_a_device_names_its_vector(suite: Suite, fault: str) -> None:
    """In every mode, and with what came instead."""
    report = run("lz4", suite)

    by_devices = [each for each in report.failures if each.mode != BY_CODEC]
    assert not report.ok
    assert [each.mode for each in by_devices] == BY_DEVICES
    assert all(each.vector == "changed" for each in by_devices)
    assert all(fault in each.fault for each in by_devices)


@pytest.mark.slow
def test_changed_codec_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and one line that names a vector."""
    make: Callable[..., Codec] = Flipping
    monkeypatch.setattr(table, "CODECS", {**CODECS, "lz4": Entry(make)})

    status = main(["selftest", "--compressor", "lz4", "--seed", "7", "--quiet"])

    errors = capsys.readouterr().err
    assert status == 1
    assert len(errors.splitlines()) == 1
    assert "lz4 codec: vector 'one byte': is not what it was" in errors


@pytest.mark.slow
def test_json_has_every_mode(capsys: pytest.CaptureFixture[str]) -> None:
    """A script finds what was tested, and how."""
    status = main(["selftest", "--compressor", "zstd:1", "--seed", "7", "--json", "-"])

    report = msgspec.json.decode(capsys.readouterr().out, type=SelftestReport)
    assert (status, report.ok, report.seed, report.command) == (0, True, 7, "selftest")
    assert {result.compressor for result in report.results} == {"zstd:1"}
