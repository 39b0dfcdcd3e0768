"""What a sweep is to do."""

from typing import Any

import pytest

from mpzswap.errors import InputError
from mpzswap.workload.sweep import MAX_RUNS, SweepPlan, choose, key_of


def plan(**axes: tuple[Any, ...]) -> SweepPlan:
    """Give a plan of the laptop and seed 1, with more *axes*."""
    return choose({"topology": ("laptop-2iaa",), **axes, "seed": (1,)})


def test_last_word_changes_first() -> None:
    """As nested loops would have it."""
    found = plan(workers=(1, 2), batch_size=(1, 8)).combinations()

    assert [(each["workers"], each["batch_size"]) for each in found] == [
        (1, 1),
        (1, 8),
        (2, 1),
        (2, 8),
    ]
    assert {each["seed"] for each in found} == {1}


def test_attributes_of_a_topology_are_below_set() -> None:
    """Its memory is not that of a worker."""
    sweep = plan(
        memory=(4096,), **{"set.memory": ("1G",), "set.driver.sync_mode": ("sync",)}
    )

    assert sweep.combinations() == [
        {
            "topology": "laptop-2iaa",
            "memory": 4096,
            "set": {"memory": "1G", "driver.sync_mode": "sync"},
            "seed": 1,
        }
    ]


def test_order_of_words_makes_no_other_run() -> None:
    """A file may have been written by hand."""
    assert key_of({"seed": 1, "set": {"a": 1, "b": 2}}) == key_of(
        {"set": {"b": 2, "a": 1}, "seed": 1}
    )
    assert key_of({"seed": 1}) != key_of({"seed": 2})


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"topology": ("host", "nowhere")}, "topology: 'nowhere'"),
        ({"compressor": ("lz4", "gzip")}, "compressor 'gzip'"),
        ({"pages": ("mix:no",)}, "mix 'no'"),
        ({"pages": ("no/such/file",)}, "pages: no/such/file"),
        ({"inject": (["nonsense"],)}, "inject: nonsense"),
        ({"set.driver.sync_mode": ("sync", "no")}, "driver.sync_mode: no"),
        ({"set.colour": ("red",)}, "set: 'colour': unknown key"),
    ],
)
def test_value_that_is_wrong_by_itself_is_refused(
    axes: dict[str, tuple[Any, ...]], message: str
) -> None:
    """Before the first run, not after the last."""
    with pytest.raises(InputError, match=message):
        plan(**axes)


def test_change_that_one_topology_takes_is_a_combination() -> None:
    """With the other it fails in a run of its own."""
    axes = {
        "topology": ("laptop-2iaa", "spr-1s1iaa"),
        "inject": (["late:device=iax1"],),
        "seed": (1,),
    }

    assert len(choose(axes).combinations()) == 2


def test_pages_of_a_cluster_are_not_looked_for_here() -> None:
    """Its hosts have them, or say that they have not."""
    axes = {"topology": ("host",), "pages": ("no/such/file",), "seed": (1,)}

    assert choose(axes, pages_here=False).axes["pages"] == ("no/such/file",)


def test_number_of_combinations_has_a_limit() -> None:
    """The line names both."""
    axis = tuple(range(1, 1001))
    with pytest.raises(
        InputError, match=rf"1000000 combinations: must be at most {MAX_RUNS}"
    ):
        plan(workers=axis, rounds=axis)


@pytest.mark.parametrize(
    ("clocks", "depends"),
    [(None, True), (("work",), True), (("virtual",), False), (("virtual", "a"), True)],
)
def test_runs_in_virtual_time_do_not_disturb_each_other(
    clocks: tuple[str, ...] | None, *, depends: bool
) -> None:
    """All others have the host to themselves."""
    sweep = plan(**({"clock": clocks} if clocks else {}))

    assert sweep.depends_on_host is depends
