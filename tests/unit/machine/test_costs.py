"""What each step of a CPU takes is what a timing profile says."""

import msgspec
import pytest

from mpzswap.clock.steps import Costs, Step
from mpzswap.errors import InputError
from mpzswap.machine.costs import costs_of, device_codec
from mpzswap.topology.timing import Timing
from tests.tools.timings import document, figure

SOFTWARE = {
    "zstd": {"compress": figure(7000), "decompress": figure(3000)},
    "lz4": {"compress": figure(900), "decompress": figure(400)},
}
SWAP_OUT_STEPS = (
    Step.SWAP_OUT_4K,
    Step.SWAP_OUT_16K,
    Step.SWAP_OUT_32K,
    Step.SWAP_OUT_64K,
    Step.SWAP_OUT_2M,
)


def timing(**swap_out: float) -> Timing:
    """Give a profile in which devices run lz4, with what swapping out takes."""
    made = document(software=SOFTWARE)
    names = {name.removeprefix("of_"): figure(ns) for name, ns in swap_out.items()}
    cpu = made["cpu"] | {
        "store_call": figure(21),
        "load_call": figure(22),
        "interrupt": figure(23),
        "swap_out": names or made["cpu"]["swap_out"],
    }
    lz4 = made["devices"]["lz4"]
    back = lz4["decompress"] | {"call": figure(101), "descriptor": figure(11)}
    devices = {"lz4": lz4 | {"decompress": back}}
    return msgspec.convert(made | {"cpu": cpu, "devices": devices}, Timing)


def swap_out(costs: Costs) -> list[float]:
    """Give what each size of folio costs, ascending."""
    return [costs[step] for step in SWAP_OUT_STEPS]


@pytest.mark.parametrize(
    ("step", "ns"),
    [
        (Step.COMPRESS_CALL, 100),
        (Step.DECOMPRESS_CALL, 101),
        (Step.COMPRESS_DESCRIPTOR, 10),
        (Step.DECOMPRESS_DESCRIPTOR, 11),
        (Step.SOFTWARE_COMPRESS, 900),
        (Step.SOFTWARE_DECOMPRESS, 400),
        (Step.STORE_CALL, 21),
        (Step.LOAD_CALL, 22),
        (Step.INTERRUPT, 23),
        (Step.SWAP_OUT_4K, 9000),
        (Step.SWAP_OUT_64K, 8000),
    ],
)
def test_step_takes_what_the_profile_says(step: Step, ns: float) -> None:
    """Each has its figure."""
    assert costs_of(timing(), "lz4")[step] == ns


def test_software_has_no_steps_of_devices() -> None:
    """Nothing is handed to any."""
    costs = costs_of(timing(), "zstd")

    assert costs[: Step.SOFTWARE_COMPRESS] == (0.0,) * 4
    assert costs[Step.SOFTWARE_COMPRESS] == 7000
    assert len(costs) == len(Step)


def test_level_of_a_compressor_does_not_matter() -> None:
    """Profiles have figures without."""
    made = timing()

    assert costs_of(made, "zstd:3") == costs_of(made, "zstd")
    assert device_codec(made, "lz4") is made.devices["lz4"]
    assert device_codec(made, "zstd:3") is None


@pytest.mark.parametrize(
    ("given", "costs"),
    [
        ({"of_4K": 9, "of_64K": 7}, [9, 9, 9, 7, 7]),
        ({"of_16K": 8}, [8, 8, 8, 8, 8]),
        ({"of_64K": 7, "of_16K": 8}, [8, 8, 8, 7, 7]),
    ],
)
def test_size_without_a_figure_costs_what_the_next_smaller_does(
    given: dict[str, float], costs: list[float]
) -> None:
    """Or the smallest there is, in whatever order the profile has them."""
    assert swap_out(costs_of(timing(**given), "lz4")) == costs


def test_compressor_without_figures_is_refused_in_a_line() -> None:
    """It says for which there are some."""
    with pytest.raises(
        InputError,
        match="compressor: deflate: timing profile unnamed has software figures, "
        "which all compressors need, for zstd, lz4",
    ):
        costs_of(timing(), "deflate")


def test_profile_without_compressors_says_that_it_has_none() -> None:
    """Not a line that ends in the middle."""
    bare = msgspec.structs.replace(timing(), software={})

    with pytest.raises(InputError, match=r"timing profile unnamed has .*, for none"):
        costs_of(bare, "lz4")
