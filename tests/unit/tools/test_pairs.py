"""The helper of the benchmarks: ratios of runs made in turn, and their doubts."""

import pytest

from tools.bench.pairs import MIN_ROUNDS, Measure, Round, Spread, measure, table


def rounds(*after: float) -> list[Round]:
    """Give rounds whose first and last run took 10."""
    return [Round(10.0, each, 10.0) for each in after]


def test_runs_are_made_in_turn_after_a_warm_up() -> None:
    """Before, after, before again; what warms up is not counted."""
    made: list[str] = []

    def run(name: str) -> float:
        made.append(name)
        return float(len(made))

    (found,) = measure(
        lambda: run("b"), lambda: run("a"), {"count": lambda count: count}, 2
    )

    assert "".join(made) == "ba" + "bab" * 2
    assert found.rounds == (Round(3, 4, 5), Round(6, 7, 8))


def test_drift_goes_out_of_the_ratio() -> None:
    """A machine that gets slower all the time makes no difference of its own."""
    drifting = Round(before=10, after=11, again=12)

    assert drifting.ratio == 1.0
    assert drifting.noise == 1.2


def test_clear_difference_is_believed() -> None:
    """Ten rounds, all alike."""
    found = Measure.of("elapsed", rounds(*[10.5, 10.6] * 5))

    assert found.doubts == ()
    assert found.ratio.median == pytest.approx(1.055)
    assert 0 < found.error < 0.01


def test_few_rounds_are_doubted() -> None:
    """Whatever they say."""
    found = Measure.of("elapsed", rounds(*[10.5] * (MIN_ROUNDS - 1)))

    assert found.doubts == (f"{MIN_ROUNDS - 1} rounds, must be {MIN_ROUNDS}: --rounds",)


def test_noise_is_doubted() -> None:
    """The ratios are far apart, or the same run is."""
    apart = Measure.of("elapsed", rounds(*[12, 16] * 5))
    noisy = Measure.of("elapsed", [Round(8, 15, 12), Round(12, 15, 8)] * 5)

    assert [doubt[:20] for doubt in apart.doubts] == ["ratios spread over 4"]
    assert [doubt[:20] for doubt in noisy.doubts] == ["noise spread over 83"]


def test_difference_within_its_error_is_none() -> None:
    """As likely as not it is the other way round."""
    found = Measure.of("elapsed", rounds(*[9.8, 10.3] * 5))

    assert [doubt[:24] for doubt in found.doubts] == ["no difference is seen: 0"]


def test_single_ratio_has_no_spread() -> None:
    """So that a test of a benchmark need not take long."""
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


def test_table_says_what_is_not_to_be_believed() -> None:
    """Below the numbers, by the name of the measure, with the reasons."""
    good = Measure.of("cpu", rounds(*[10.5] * 10))
    bad = Measure.of("elapsed", rounds(10.5))
    lines = list(table([good, bad]))

    assert lines[1].startswith("cpu                1.050 +- 0.000   1.050 to 1.050")
    assert lines[3] == "not to be believed: elapsed"
    assert lines[4].startswith("  1 rounds")
    assert len(lines) == 5
