"""Published figures from what was measured, with numbers that are easy to follow."""

from typing import get_args

import pytest

from mpzswap.workload.predict import (
    FORMULAS,
    PAGES_WRITTEN,
    FormulaName,
    Given,
    measure,
    share_out,
    sys_ratio,
    throughput,
    throughput_ratio,
    zswpout,
)
from tests.tools.reports import stress_report
from tests.tools.validations import measured


def test_every_formula_has_a_name_that_rows_may_have() -> None:
    """The file's words and the functions are the same set."""
    assert set(FORMULAS) == set(get_args(FormulaName))


@pytest.mark.parametrize(("ratio", "share"), [(2.0, 1.0), (1e12, 0.5), (4.0, 2 / 3)])
def test_share_out_fills_the_memory_exactly(ratio: float, share: float) -> None:
    """What stays, and the compressed bytes of what goes, are half of all pages."""
    assert share_out(ratio) == pytest.approx(share)
    assert 1 - share + share / ratio == pytest.approx(0.5)


def test_throughput_is_that_of_30_processes() -> None:
    """At a ratio of 2 every page goes out: 4 KiB in 10 us, 30 times."""
    assert throughput(measured()) == pytest.approx(30 * 4 / 10e-6)


def test_page_that_stays_takes_no_time() -> None:
    """At a ratio of 4 two pages of three go out."""
    assert throughput(measured(ratio=4.0)) == pytest.approx(30 * 4 / 10e-6 * 1.5)


def test_ratio_of_throughputs_is_new_over_old() -> None:
    """A page that takes half the time is written at twice the speed."""
    new, old = measured(page_out_ns=5_000.0), measured()

    assert throughput_ratio(new, old) == pytest.approx(2)


def test_zswpout_is_the_share_of_all_pages_of_usemem() -> None:
    """At a ratio of 2 all of them."""
    assert zswpout(measured()) == PAGES_WRITTEN


def test_sys_time_is_less_by_what_each_page_saves() -> None:
    """A million pages that are stored 100 ns faster save a tenth of a second."""
    new, old = measured(store_page_mean_ns=700), measured()
    given = Given(zswpout=1_000_000, sys_s=10.0)

    assert sys_ratio(new, old, given) == pytest.approx(0.99)


def test_sys_time_without_its_source_s_figures_is_refused() -> None:
    """A share of nothing known cannot be told."""
    with pytest.raises(ValueError, match="sys_ratio: needs"):
        FORMULAS["sys_ratio"]([measured(), measured()], None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("store_page_p50", 700),
        ("driver_store", 3_177),
        ("driver_load", 2_235),
        ("pages_out_rate", 1_000_000),
        ("bottleneck", "CPU"),
    ],
)
def test_formula_takes_what_was_measured(name: FormulaName, value: float | str) -> None:
    """As it is."""
    assert FORMULAS[name]([measured()], None) == value


def test_run_without_a_profile_s_time_is_not_measured() -> None:
    """Wall time of a host predicts nothing."""
    with pytest.raises(ValueError, match="clock: work: must keep"):
        measure("mine", stress_report("off"))
