"""Which descriptors a fault hits."""

import pytest

from mpzswap.topology.faults import Fault, Kind, Op, Trigger

NR = 10_000


def hits(fault: Fault, count: int = NR, stream: str = "iax0 0") -> list[int]:
    """Give which of *count* descriptors are hit, from 1 on."""
    trigger = Trigger(fault, stream)
    return [number for number in range(1, count + 1) if trigger.hits()]


def lost(**triggers: float) -> Fault:
    """Give a fault with *triggers*."""
    return Fault(kind=Kind.LOST, **triggers)  # type: ignore[arg-type] # p alone is no int


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"after": 5}, [6, 7]),
        ({"after": 7}, []),
        ({"every": 3}, [3, 6]),
        ({"every": 3, "after": 1}, [4, 7]),
        ({"count": 2}, [1, 2]),
        ({"count": 2, "every": 2, "after": 1}, [3, 5]),
    ],
)
def test_all_triggers_that_are_given_agree(
    triggers: dict[str, int], expected: list[int]
) -> None:
    """Not the first N, of the rest each Mth, and so many at most."""
    assert hits(lost(**triggers), 7) == expected


@pytest.mark.parametrize("p", [0.01, 0.3, 0.99])
def test_probability_is_the_share_that_is_hit(p: float) -> None:
    """Within five standard deviations."""
    found = len(hits(lost(p=p, seed=1)))

    assert abs(found - NR * p) < 5 * (NR * p * (1 - p)) ** 0.5


def test_one_seed_hits_the_same_descriptors() -> None:
    """A run can be run again; other seeds and other streams hit others."""
    first = hits(lost(p=0.1, seed=1))

    assert hits(lost(p=0.1, seed=1)) == first
    assert hits(lost(p=0.1, seed=2)) != first
    assert hits(lost(p=0.1, seed=1), stream="iax1 0") != first


def test_count_is_of_those_that_were_hit() -> None:
    """What the probability spared does not use it up."""
    assert hits(lost(p=0.1, seed=1, count=3)) == hits(lost(p=0.1, seed=1))[:3]


@pytest.mark.parametrize(
    ("wq", "expected"),
    [("", (0, 1)), ("1", (1,)), ("decomp", (0,)), ("2", ()), ("x", ())],
)
def test_queue_is_found_by_index_and_name(wq: str, expected: tuple[int, ...]) -> None:
    """Without one, all are meant."""
    assert Fault(kind=Kind.LOST, wq=wq).queues(["decomp", "comp"]) == expected


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("op", [None, *Op])
def test_damage_of_compressions_is_told(kind: Kind, op: Op | None) -> None:
    """What only verify_compress finds."""
    damage = kind in (Kind.WRONG_DATA, Kind.TRUNCATED)

    found = Fault(kind=kind, op=op).damages_compressions
    assert found == (damage and op in (None, Op.COMPRESS))
