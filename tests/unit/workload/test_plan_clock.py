"""A run by a clock that keeps a profile's time: what it needs, and what it has."""

import msgspec
import pytest

from mpzswap.clock.config import WORK, ClockConfig, ClockName
from mpzswap.clock.steps import Step
from mpzswap.errors import InputError
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology
from mpzswap.workload.plan import TIME_SCALE, Wishes, choose

TOPOLOGY = Topology.named("laptop-2iaa")
TIMED: tuple[ClockName, ...] = ("model", "virtual")


def wishes(topology: Topology = TOPOLOGY, **more: object) -> Wishes:
    """Give wishes for a small run."""
    made = Wishes(topology=topology, seed=7, workers=2, memory=1 << 20)
    return msgspec.structs.replace(made, **more)


def test_clock_is_that_of_work_unless_one_says_so() -> None:
    """Though the topology has a profile."""
    plan = choose(wishes())

    assert (plan.clock, plan.clock_config) == ("work", WORK)


@pytest.mark.parametrize("clock", TIMED)
def test_clock_has_the_costs_of_the_compressor(clock: ClockName) -> None:
    """And its time begins when the machine does."""
    config = choose(wishes(clock=clock, compressor="lz4")).clock_config

    assert (config.name, config.epoch_ns) == (clock, 0)
    assert config.costs[Step.SOFTWARE_COMPRESS] == 3000
    assert config.costs[Step.SWAP_OUT_64K] == 16_000


def test_scale_of_time_is_as_wished() -> None:
    """Or the usual one."""
    assert choose(wishes(clock="model")).clock_config.time_scale == TIME_SCALE
    wished = choose(wishes(clock="model", time_scale=7.5))

    assert wished.clock_config == ClockConfig("model", wished.clock_config.costs, 7.5)


@pytest.mark.parametrize(
    ("clock", "scale", "limit_ms"),
    [
        ("model", 1.0, 5000),
        ("model", 1000.0, 15),
        ("model", 100_000.0, 15),
        ("virtual", None, 5000),
    ],
)
def test_stopped_device_is_ended_before_those_who_wait_for_it(
    clock: ClockName, scale: float | None, limit_ms: int
) -> None:
    """By the host's time, however many times slower a model's own is."""
    plan = choose(wishes(clock=clock, time_scale=scale))
    driver = plan.topology.driver

    assert driver.completion_timeout_ms == limit_ms
    assert scale is None or limit_ms / 1000 * scale < plan.stall_timeout_s


@pytest.mark.parametrize("clock", TIMED)
def test_topology_without_a_profile_is_refused(clock: ClockName) -> None:
    """Nobody knows how long anything takes."""
    untimed = changed(TOPOLOGY, ["timing=none"])

    with pytest.raises(
        InputError, match=f"clock: {clock}: topology laptop-2iaa has no timing profile"
    ):
        choose(wishes(untimed, clock=clock))


@pytest.mark.parametrize("clock", TIMED)
def test_faults_are_refused(clock: ClockName) -> None:
    """They are of real devices."""
    with pytest.raises(InputError, match=f"clock: {clock}: faults need --clock work"):
        choose(wishes(clock=clock, faults=("hw_error:p=1%",)))


def test_compressor_without_figures_is_refused() -> None:
    """By name, with those that have some."""
    timing = TOPOLOGY.timing
    assert timing is not None
    known = {"lz4": timing.software["lz4"]}
    fewer = msgspec.structs.replace(timing, software=known)
    topology = msgspec.structs.replace(TOPOLOGY, timing=fewer)

    with pytest.raises(InputError, match="zstd: timing profile plain has software "):
        choose(wishes(topology, clock="virtual", compressor="zstd"))


@pytest.mark.parametrize("clock", TIMED)
def test_software_of_the_profile_has_no_devices(clock: ClockName) -> None:
    """Its machine has none that run it."""
    topology = changed(TOPOLOGY, ["timing=spr-v14"])

    assert (
        choose(wishes(topology, clock=clock, compressor="zstd")).topology.devices == ()
    )
    assert len(choose(wishes(topology, compressor="zstd")).topology.devices) == 2


def test_compressor_of_the_devices_keeps_them() -> None:
    """All of them, as the topology has them."""
    plan = choose(wishes(clock="virtual"))

    assert plan.topology.devices == TOPOLOGY.devices


@pytest.mark.parametrize("clock", ["work", "virtual"])
def test_time_scale_without_a_model_is_refused(clock: ClockName) -> None:
    """It would be dropped in silence."""
    with pytest.raises(InputError, match=f"^time_scale: 7: .* with clock {clock}"):
        choose(wishes(clock=clock, time_scale=7.0))
