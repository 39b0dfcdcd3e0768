"""The benchmarks of tools/bench run, and give what they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools" / "bench"
# Five runs of a fraction of a second; the rest is for a loaded machine.
TIMEOUT_S = 60

pytestmark = pytest.mark.usefixtures("nobody_left")


def bench(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark."""
    return subprocess.run(
        [sys.executable, TOOLS / f"bench_{name}.py", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
def test_cost_of_detection_is_measured(tmp_path: Path) -> None:
    """A round of the smallest runs: numbers, and that they are not to be believed."""
    file = tmp_path / "detection.json"
    done = bench("detection", "--rounds", "1", "--memory", "1M", "--json", str(file))

    assert (done.returncode, done.stderr) == (0, "")
    assert "not to be believed" in done.stdout
    result = json.loads(file.read_bytes())
    assert result["options"]["off"] == [
        "zswap.checksum=false",
        "driver.watch_interval_ms=3600000",
    ]
    assert {"commit", "cpu", "usable_cores", "load"} <= set(result["circumstances"])
    measures = [each["measures"] for each in result["outcomes"][0]["standings"]]
    assert [[len(each["samples"]) for each in of] for of in measures] == [[1] * 5] * 3


@pytest.mark.parametrize("name", ["limit", "peers"])
def test_codec_is_compared(name: str, tmp_path: Path) -> None:
    """One that the kernel's zram has not, so that none is made here."""
    file = tmp_path / "found.json"
    done = bench(
        name,
        *("--rounds", "1", "--memory", "256K", "--pages", "mix:text"),
        *("--compressor", "zstd:1", "--devices", "1", "--json", str(file)),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "not to be believed" in done.stdout
    result = json.loads(file.read_bytes())
    assert {"commit", "cpu", "affinity", "load"} <= set(result["circumstances"])
    outcomes = result["outcomes"]
    assert all(each["conclusions"] for each in outcomes)
    assert outcomes[0]["title"].startswith("zstd:1")
    for standing in outcomes[0]["standings"]:
        measures = {each["name"]: each["samples"] for each in standing["measures"]}
        assert measures["us/page"][0] > 0
        assert measures["ratio"][0] > 1


# The smallest of each, what is compared first, and a measure.
SMALL = {
    "batching": (
        ("--batch-size", "4", "--depth", "4", "--devices", "2"),
        {
            "store": ["off, 2 IAA", "requests 4 a batch, 2 IAA"],
            "data path, compress": ["off, 2 IAA", "4 a batch, 64 in flight, 2 IAA"],
            "data path, decompress": ["off, 2 IAA", "4 a batch, 64 in flight, 2 IAA"],
        },
        "MiB/s",
    ),
    "contention": (
        ("--workers", "3", "--devices", "1"),
        {"": ["2 workers, 2 IAA", "3 workers, 1 IAA"]},
        "fairness",
    ),
    "defaults": (
        (
            *("--compressor", "lz4", "--request-pages", "32", "--requests", "2"),
            *("--batch-size", "4", "--sub-batches", "2", "--pages", "mix:text"),
        ),
        {
            "lz4, compress": ["defaults", "2 requests of 32 pages"],
            "lz4, decompress": ["defaults", "2 requests of 32 pages"],
            "lz4, whole way": ["defaults", "4 pages a batch, 2 in flight"],
        },
        None,
    ),
    "stages": (
        ("--devices", "1", "--batch-size", "4"),
        {"": ["off", "requests"]},
        "elapsed, us/page",
    ),
    "existence": (
        ("--devices", "2,1", "--idle", "0.01"),
        {"": ["2 IAA", "1 IAA"]},
        "start, s",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_question_is_answered(name: str, tmp_path: Path) -> None:
    """A round of the smallest runs, which is not to be believed."""
    arguments, titles, measure = SMALL[name]
    file = tmp_path / "found.json"
    small = ("--rounds", "1", "--memory", "1M", "--json", str(file))
    done = bench(name, *small, *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert "not to be believed" in done.stdout
    outcomes = json.loads(file.read_bytes())["outcomes"]
    assert [each["title"] for each in outcomes] == list(titles)
    for outcome in outcomes:
        names = [each["name"] for each in outcome["standings"]]
        assert names[:2] == titles[outcome["title"]]
        for standing in outcome["standings"]:
            found = {each["name"]: each["samples"] for each in standing["measures"]}
            assert found[measure or next(iter(found))][0] > 0


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "detection",
            ["--memory", "5000"],
            "memory: 5000: must be a multiple of 64K, the folio",
        ),
        ("detection", ["--off", "zswap.nothing=1"], "zswap.nothing"),
        (
            "detection",
            ["--rounds", "0"],
            "argument --rounds: '0': must be a whole number",
        ),
        ("limit", ["--compressor", "lzo"], "compressor 'lzo': must be one of"),
        ("limit", ["--pages", "nowhere"], "nowhere: no such file or folder"),
        ("peers", ["--compressor", "lzo"], "argument --compressor: 'lzo': must be one"),
        ("peers", ["--memory", "x"], "argument --memory"),
        ("batching", ["--path", "load"], "'load': must be one of store, data"),
        ("batching", ["--path", "data", "--memory", "1K"], "must be at least 1"),
        ("contention", ["--workers", "0"], "argument --workers: '0': must be a whole"),
        ("contention", ["--memory", "1M", "--pages", "nowhere"], "nowhere: no such"),
        ("stages", ["--compressor", "lzo"], "compressor 'lzo': must be one of"),
        ("existence", ["--idle", "-1"], "argument --idle: '-1': must be seconds"),
        ("existence", ["--memory", "64K"], "memory: 64K: must be at least 128K"),
    ],
)
def test_wrong_wish_is_named(name: str, arguments: list[str], message: str) -> None:
    """In the last line; nothing is run."""
    done = bench(name, *arguments)

    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
