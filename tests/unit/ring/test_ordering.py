"""The rings run only where stores keep their order."""

import pytest

from mpzswap.errors import MpzswapError
from mpzswap.ring.ordering import check_processor, make_full_barrier


@pytest.mark.parametrize("machine", ["x86_64", "AMD64"])
def test_x86_64_is_strong_enough(machine: str) -> None:
    """By both of its names."""
    check_processor(machine)


@pytest.mark.parametrize("machine", ["aarch64", "riscv64", "ppc64le", "i686"])
def test_other_processor_is_refused_by_name(machine: str) -> None:
    """Its ordering is weaker, or not known to be enough."""
    with pytest.raises(MpzswapError, match=f"processor {machine}: .* x86_64"):
        check_processor(machine)


def test_barrier_can_be_passed_again_and_again() -> None:
    """It holds nothing between two calls."""
    barrier = make_full_barrier()
    for _ in range(3):
        barrier()
