"""The helper of the benchmarks: contestants in turn, their ratios, and their doubts."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from mpzswap.errors import InputError, MpzswapError
from tools.bench.contest import (
    Contestant,
    Outcome,
    Standing,
    contest,
    hold,
    hold_each,
    make_parser,
    table,
)
from tools.bench.spread import MIN_ROUNDS, Measure, Ratio, Round, Spread


def rounds(*after: float) -> list[Round]:
    """Give rounds in which the baseline took 10 twice."""
    return [Round(10.0, each, 10.0) for each in after]


def constant(figure: float) -> Callable[[], Mapping[str, float]]:
    """Give a run that always takes the same."""
    return lambda: {"us/page": figure}


def test_contestants_run_in_turn_after_a_warm_up() -> None:
    """The first of them again at the end; what warms up is not counted."""
    made: list[str] = []

    def run(name: str) -> Mapping[str, float]:
        made.append(name)
        return {"count": float(len(made))}

    found = contest([Contestant(name, partial(run, name)) for name in "abc"], 2)

    assert "".join(made) == "abc" + "abca" * 2
    assert [each.name for each in found.standings] == ["a", "b", "c", "a again"]
    assert found["a"]["count"].samples == (4, 8)
    assert found["c"]["count"].samples == (6, 10)
    assert found["a again"]["count"].samples == (7, 11)


def test_ratio_is_to_the_mean_of_both_runs_of_the_baseline() -> None:
    """Within the round; the baseline again is compared with itself."""
    figures = iter([1, 1, 8, 20, 12])
    run = lambda: {"us/page": float(next(figures))}  # noqa: E731 - both are one
    found = contest([Contestant("a", run), Contestant("b", run)], 1)

    assert found["a"]["us/page"].ratio is None
    assert found["b"]["us/page"].ratio == Ratio((2.0,), Spread(2, 2, 2), 0.0)
    assert found["a again"]["us/page"].ratio == Ratio((1.5,), Spread(1.5, 1.5, 1.5), 0)


def test_drift_goes_out_of_the_ratio() -> None:
    """A machine that gets slower all the time makes no difference of its own."""
    drifting = Round(before=10, after=11, again=12)

    assert drifting.ratio == 1.0
    assert drifting.noise == 1.2


def test_clear_difference_is_believed() -> None:
    """Ten rounds, all alike."""
    found = Measure.of("elapsed", rounds(*[10.5, 10.6] * 5))

    assert found.doubts == ()
    assert found.ratio is not None
    assert found.ratio.spread.median == pytest.approx(1.055)
    assert 0 < found.ratio.error < 0.01


def test_few_rounds_are_doubted() -> None:
    """Whatever they say."""
    found = Measure.of("elapsed", rounds(*[10.5] * (MIN_ROUNDS - 1)))

    assert found.doubts == (f"{MIN_ROUNDS - 1} rounds, must be {MIN_ROUNDS}",)


def test_noise_is_doubted() -> None:
    """The ratios are far apart, or the same run is."""
    apart = Measure.of("elapsed", rounds(*[12, 16] * 5))
    noisy = Measure.of("elapsed", [Round(8, 15, 12), Round(12, 15, 8)] * 5)

    assert [doubt[:22] for doubt in apart.doubts] == ["ratios spread over 28."]
    assert [doubt[:21] for doubt in noisy.doubts] == ["noise spread over 76."]


def test_difference_within_its_error_is_none() -> None:
    """As likely as not it is the other way round."""
    found = Measure.of("elapsed", rounds(*[9.8, 10.3] * 5))

    assert [doubt[:24] for doubt in found.doubts] == ["no difference is seen: 0"]


def test_figures_that_are_the_same_are_not_doubted() -> None:
    """How well the same codec compresses the same pages is no accident."""
    assert Measure.of("ratio", rounds(*[10] * 10)).doubts == ()


def test_single_sample_has_no_spread() -> None:
    """So that a test of a benchmark need not take long."""
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


def test_baseline_of_nothing_gives_no_ratio() -> None:
    """As of counts that may be 0, and of what the baseline has no figure for."""
    assert Measure.of("sleeps", [Round(0, 3, 0)] * 2).ratio is None


def test_table_says_what_is_not_to_be_believed() -> None:
    """Below the numbers, by the names of contestant and measure, with the reasons."""
    good = Measure.of("cpu", rounds(*[10.5] * 10))
    bad = Measure.of("elapsed", rounds(10.5))
    base = Measure.of_baseline("cpu", [10.0])
    standings = Standing("off", (base,)), Standing("on", (good, bad))
    lines = list(table(Outcome("lz4", standings)))

    assert lines[1] == "lz4: cpu"
    assert lines[3] == "  off         10  10 to 10"
    assert lines[4].endswith("1.050 +- 0.000  1.050 to 1.050")
    assert lines[6] == "lz4: elapsed"
    assert lines[-2].startswith("not to be believed")
    assert lines[-1].startswith("  on, elapsed: 1 rounds, must be 7")


def test_json_has_circumstances_and_every_sample(tmp_path: Path) -> None:
    """And what was asked for."""
    file = tmp_path / "found.json"
    options = make_parser("Why?", "").parse_args(["--rounds", "2", "--json", str(file)])
    contestants = [Contestant("a", constant(1)), Contestant("b", constant(2))]

    assert hold("Why?\n\nSo.", contestants, options) == 0
    found = json.loads(file.read_bytes())
    assert found["question"] == "Why?"
    assert found["options"]["rounds"] == 2
    assert {"commit", "cpu", "usable_cores", "affinity", "load"} <= set(
        found["circumstances"]
    )
    (outcome,) = found["outcomes"]
    assert [each["measures"][0]["samples"] for each in outcome["standings"]] == [
        [1, 1],
        [2, 2],
        [1, 1],
    ]


def test_verdict_stands_below_its_contest(capsys: pytest.CaptureFixture[str]) -> None:
    """Each contest has a title, and what follows from it."""
    options = make_parser("Why?", "").parse_args(["--rounds", "1"])
    contests = ((name, [Contestant("a", constant(1))]) for name in ("lz4", "zstd"))

    assert hold_each("Why?", contests, options, lambda it: [f"so {it.title}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("so")] == ["so lz4", "so zstd"]


@pytest.mark.parametrize(("error", "status"), [(MpzswapError, 1), (InputError, 2)])
def test_failure_is_one_line(
    error: type[MpzswapError], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of what was to be made for a contest."""

    def fail() -> Mapping[str, float]:
        raise error("pages: none")

    options = make_parser("Why?", "").parse_args([])

    assert hold("Why?", [Contestant("a", fail)], options) == status
    assert capsys.readouterr().err.endswith(": pages: none\n")
