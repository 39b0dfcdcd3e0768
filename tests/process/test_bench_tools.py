"""The benchmarks of tools/bench run, and give what they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "bench" / "bench_detection.py"
# Five runs of a fraction of a second; the rest is for a loaded machine.
TIMEOUT_S = 60

pytestmark = pytest.mark.usefixtures("nobody_left")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark."""
    return subprocess.run(
        [sys.executable, TOOL, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
def test_cost_of_detection_is_measured(tmp_path: Path) -> None:
    """A round of the smallest runs: numbers, and that they are not to be believed."""
    file = tmp_path / "detection.json"
    done = bench("--rounds", "1", "--memory", "1M", "--json", str(file))

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--memory", "5000"], "memory: 5000: must be a multiple of 64K, the folio"),
        (["--off", "zswap.nothing=1"], "zswap.nothing"),
        (["--rounds", "0"], "argument --rounds: '0': must be a whole number"),
    ],
)
def test_wrong_wish_is_named(arguments: list[str], message: str) -> None:
    """In the last line; nothing is run."""
    done = bench(*arguments)

    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
