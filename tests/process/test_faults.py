"""
Every kind of fault, in real devices: the run ends verified, and counts what was done.

A run is small, so each kind is injected at 100 % and at 1 %.  What a fault costs, the
driver's reasons tell page by page; what costs no page, only the devices' counts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import StressReport
from mpzswap.report.stress import injected_of
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching, SyncMode
from mpzswap.workload.plan import Wishes, choose
from mpzswap.workload.stress import run

# For what takes a second; a loaded machine may take its time.
LIMIT_S = 60.0
SEED = 5
TOPOLOGY = changed(Topology.for_host(devices=2), ["driver.distribute_decomps=true"])
# For devices that are to be late; others may have no core for so long.
SOON = ("driver.completion_timeout_ms=300",)

pytestmark = pytest.mark.usefixtures("nobody_left")


def stressed(
    *faults: str, changes: tuple[str, ...] = (), **more: object
) -> StressReport:
    """Run a worker of 256 pages on two devices with *faults*."""
    wishes = Wishes(
        topology=changed(TOPOLOGY, changes),
        changes=changes,
        seed=SEED,
        workers=1,
        memory=1 << 20,
        compressor="lz4",
        rounds=1,
        faults=faults,
    )
    wishes = msgspec.structs.replace(wishes, **more)
    return run(choose(wishes), lambda _: None)


def assert_verified(report: StressReport) -> None:
    """Nothing is wrong, nothing is lost, and every page was looked at."""
    assert report.problems == ()
    assert report.ok
    assert report.verify.pages_checked == report.memory_bytes // PAGE_SIZE
    assert report.verify.pages_wrong == report.verify.pages_lost == 0


def injected(report: StressReport) -> int:
    """Give how many faults were injected, all of one kind."""
    (count,) = injected_of(report.devices).values()
    return count


def reasons(report: StressReport, *names: str) -> int:
    """Give the pages that ended for one of these reasons."""
    return sum(report.paths.reasons.get(name, 0) for name in names)


# For each fault of which each page that it hits is told: as what.
TOLD = {
    "wrong_data:op=compress": ("verify_compress",),
    "truncated:op=compress": ("verify_compress",),
    "truncated:op=decompress": ("decompressed_size",),
    "page_fault": ("status_0x04",),
    "output_overflow:op=decompress": ("status_0x0b",),
    "watchdog": ("status_0x24",),
    "hw_error": ("status_0x20",),
    "status:code=TRANSLATION_FAIL": ("status_0x22",),
}
# ... that cost no page anything but time.
HARMLESS = ("late:delay=2ms", "duplicate", "slow:delay=100us")
# ... after which a device is gone, and what it had is done in software.
GONE = {
    "lost": ("completion_timeout",),
    "stop": ("completion_timeout",),
    "crash": ("device_died",),
}


def at(fault: str, share: str) -> str:
    """Give the line that hits a share of the descriptors."""
    return f"{fault}{',' if ':' in fault else ':'}p={share}"


SHARES = [
    pytest.param("100%", id="all"),
    pytest.param("1%", id="few", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("fault", TOLD)
def test_every_page_that_is_hit_is_told(fault: str, share: str) -> None:
    """Each has a reason, and none has one that was not hit."""
    report = stressed(at(fault, share))

    assert_verified(report)
    assert injected(report) > 0
    assert reasons(report, *TOLD[fault]) == injected(report)
    assert [device.state for device in report.devices] == ["ready"] * 2


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("fault", ["wrong_data:op=decompress", "wrong_data"])
def test_page_that_came_back_wrong_is_had_again(fault: str, share: str) -> None:
    """The record says nothing of it; what was stored is right, and is read again."""
    report = stressed(at(fault, share))

    assert_verified(report)
    usual = reasons(report, "incompressible", "same_filled")
    assert sum(report.paths.reasons.values()) - usual == injected(report) > 0


@pytest.mark.parametrize("share", SHARES)
def test_compression_that_overflows_is_kept_as_it_is(share: str) -> None:
    """As a page that does not compress: the device says so, and is believed."""
    plain = stressed()
    report = stressed(at("output_overflow:op=compress", share))

    assert_verified(report)
    poor = reasons(report, "incompressible")
    assert (
        injected(report) <= poor <= injected(report) + reasons(plain, "incompressible")
    )
    assert report.driver.total_completion_comp_buf_overflow_errors == poor


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", ["page_fault", "hw_error", "output_overflow"])
def test_verification_that_fails_is_told(kind: str, share: str) -> None:
    """The page is kept as it is, though its stream was right."""
    report = stressed(
        at(f"{kind}:op=verify", share), changes=("driver.verify_compress=true",)
    )

    assert_verified(report)
    assert reasons(report, "verify_compress") == injected(report) > 0


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("fault", HARMLESS)
def test_what_costs_only_time_is_waited_for(fault: str, share: str) -> None:
    """No page ends for it, and no device."""
    report = stressed(at(fault, share))

    assert_verified(report)
    assert injected(report) > 0
    assert set(report.paths.reasons) <= {"incompressible", "same_filled"}
    assert report.paths.software == 0
    assert [device.state for device in report.devices] == ["ready"] * 2


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("fault", GONE)
def test_work_of_a_device_that_is_gone_is_done(fault: str, share: str) -> None:
    """What it had is told; software does that, and what comes after."""
    report = stressed(at(fault, share), changes=SOON)

    assert_verified(report)
    assert reasons(report, *GONE[fault]) >= injected(report) > 0
    assert report.paths.software == reasons(
        report, "completion_timeout", "device_died", "no_device"
    )
    assert [device.state for device in report.devices] == ["died"] * 2
    assert all("SIGKILL" in device.death for device in report.devices)


def test_queue_that_refuses_everything_is_given_up() -> None:
    """The first request waits as long as it may, the others do not."""
    changes = ("driver.comp_alloc_retries=100", "driver.decomp_alloc_retries=50")
    report = stressed("queue_full", changes=changes)

    assert_verified(report)
    assert reasons(report, "queue_full") > 0
    assert report.paths.device == 0
    assert injected(report) == sum(wq.retries for d in report.devices for wq in d.wqs)


@pytest.mark.slow
def test_run_whose_queues_refuse_everything_ends() -> None:
    """A second for each of its requests would be more than a test may take."""
    report = stressed("queue_full")

    assert_verified(report)
    assert reasons(report, "queue_full") > 0


@pytest.mark.slow
@pytest.mark.parametrize("share", ["1%", "30%"])
def test_queue_that_refuses_now_and_then_costs_no_page_anything(share: str) -> None:
    """It is tried again, or another is."""
    report = stressed(at("queue_full", share), memory=8 << 20)

    assert_verified(report)
    assert injected(report) > 0
    assert report.paths.software == 0
    assert "queue_full" not in report.paths.reasons


@pytest.mark.slow
@pytest.mark.parametrize("sync_mode", get_args(SyncMode))
@pytest.mark.parametrize("batching", get_args(Batching))
def test_doubled_answers_are_never_taken_for_the_next_ones(
    batching: Batching, sync_mode: SyncMode
) -> None:
    """However the submitter learns of them, and however often a record is used."""
    report = stressed(
        "page_fault:p=20%",
        "duplicate",
        changes=(f"driver.sync_mode={sync_mode}", "driver.verify_compress=true"),
        batching=batching,
    )

    assert_verified(report)
    found = injected_of(report.devices)
    assert found["duplicate"] > 100
    assert reasons(report, "status_0x04", "verify_compress") == found["page_fault"]
    assert [device.state for device in report.devices] == ["ready"] * 2


@pytest.mark.slow
def test_faults_of_all_kinds_at_once_lose_nothing() -> None:
    """A machine in which everything goes wrong, and no device is left in the end."""
    kinds = ["truncated", "page_fault", "output_overflow", "watchdog", "hw_error"]
    report = stressed(
        *(at(kind, "2%") for kind in kinds),
        *("late:p=5%,delay=1ms", "duplicate:p=50%", "slow:p=2%"),
        "queue_full:p=20%",
        "lost:after=150,device=iax0",
        "crash:after=250,device=iax1",
        changes=SOON,
    )

    assert_verified(report)
    assert len(injected_of(report.devices)) == 11
    assert [device.state for device in report.devices] == ["died"] * 2


def test_one_seed_hits_the_same_descriptors() -> None:
    """A run that failed can be run again."""
    first, second = (stressed("hw_error:p=10%") for _ in range(2))

    assert first.paths == second.paths
    assert injected_of(first.devices) == injected_of(second.devices)
    assert first.devices[0].injected == second.devices[0].injected


def test_wrong_stream_that_nobody_looked_for_is_told() -> None:
    """Without verify_compress its page cannot be had again: the run says so."""
    report = stressed(
        "truncated:op=compress,p=10%", changes=("driver.verify_compress=false",)
    )

    assert not report.ok
    assert report.verify.pages_wrong + report.verify.pages_lost > 0
    assert any("decompression failed" in problem for problem in report.problems)


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(name="command")
def _command(tmp_path: Path) -> Command:
    """Give what runs a small stress as a command, in a folder of its own."""

    def command(*words: str) -> "subprocess.CompletedProcess[str]":
        tiny = ["--memory", "1M", "--workers", "1", "--rounds", "1", "--seed", "5"]
        return subprocess.run(
            [sys.executable, "-m", "mpzswap", "stress", *tiny, *words],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            cwd=tmp_path,
            env=os.environ,
        )

    return command


def test_faults_of_a_file_and_of_the_command_are_reported(
    command: Command, tmp_path: Path
) -> None:
    """As they were given, and how many there were of each kind on each device."""
    document = {
        "memory": "1G",
        "sockets": [{"cores": 2}],
        "devices": [
            {"name": "iax0", "faults": ["hw_error:every=10"]},
            {"name": "iax1"},
        ],
    }
    (tmp_path / "faulty.yaml").write_text(json.dumps(document))
    done = command(
        *("--topology", "faulty.yaml", "--inject", "late:delay=1ms,every=10"),
        *("--json", "-"),
    )

    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["faults"] == [
        "hw_error:device=iax0,every=10",
        "late:delay=1ms,every=10",
    ]
    assert set(report["devices"][0]["injected"]) == {"hw_error", "late"}
    assert set(report["devices"][1]["injected"]) == {"late"}


def test_wrong_fault_is_wrong_usage(command: Command) -> None:
    """One line, and nothing is started."""
    done = command("--inject", "lost:p=2")

    assert done.returncode == 2
    assert done.stderr == (
        "mpzswap stress: inject: lost:p=2: p: '2': must be above 0 and at most 1, "
        "or 100%\n"
    )
