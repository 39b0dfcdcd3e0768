"""What a stress run is to do: what is chosen, what is refused."""

import msgspec
import pytest

from mpzswap.errors import InputError, TopologyError
from mpzswap.topology import host
from mpzswap.topology.load import changed
from mpzswap.topology.model import Device, Group, Socket, Topology, WorkQueue
from mpzswap.workload.plan import Wishes, choose


@pytest.fixture(autouse=True)
def _small_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of 16 cores and 1 GiB, wherever the test runs."""
    monkeypatch.setattr(host, "usable_cores", lambda: 16)
    monkeypatch.setattr(host, "usable_memory_bytes", lambda: 1 << 30)


def wishes(cpus: int = 12, /, **more: object) -> Wishes:
    """Give wishes for a topology of so many CPUs."""
    topology = Topology(
        name="paper", memory=1 << 30, sockets=(Socket(cores=cpus),), devices=()
    )
    return msgspec.structs.replace(Wishes(topology=topology, seed=7), **more)


def test_defaults_are_those_of_the_help() -> None:
    """Half of all memory is the limit, and the topology says the rest."""
    plan = choose(wishes())

    assert (plan.workers, plan.memory_pages, plan.limit_pages) == (8, 16384, 98304)
    assert (plan.folio_pages, plan.rounds, plan.source) == (16, 2, "mix:mixed")
    assert (plan.compressor, plan.reclaim_batch) == ("deflate-iaa", 32)
    assert (plan.topology.zswap.batching, plan.topology.zswap.batch_size) == (
        "driver",
        8,
    )


def test_default_workers_are_no_more_than_cpus() -> None:
    """A worker needs a CPU of the topology."""
    assert choose(wishes(3)).workers == 3


def test_wishes_are_what_is_run() -> None:
    """The zswap of the plan's topology is set as wished, in every place."""
    plan = choose(
        wishes(
            workers=2,
            memory=4 << 20,
            limit=3 << 20,
            compressor="zstd:1",
            batching="requests",
            batch_size=16,
            reclaim_batch=4,
            folio=2 << 20,
        )
    )

    assert (plan.memory_pages, plan.limit_pages, plan.folio_pages) == (1024, 768, 512)
    assert plan.compressor == plan.topology.zswap.compressor == "zstd:1"
    assert plan.topology.zswap.batching == "requests"
    assert (plan.topology.zswap.batch_size, plan.reclaim_batch) == (16, 4)


@pytest.mark.parametrize("verify", [True, False])
def test_run_is_verified_as_wished(*, verify: bool) -> None:
    """It is unless one says no."""
    assert choose(wishes(verify=verify)).verify is verify
    assert choose(wishes()).verify


def test_swap_areas_are_counted_in_pages() -> None:
    """Each by itself, and all together; two of one size are two."""
    plan = choose(wishes(swap=(8192, 8192, 4096)))

    assert (plan.swap_areas, plan.swap_pages) == ((2, 2, 1), 5)
    assert choose(wishes()).swap_areas == ()


@pytest.mark.parametrize(
    ("swap", "shrinker", "enabled"),
    [
        ((), None, True),
        ((4096,), None, True),
        ((4096,), False, False),
        ((4096,), True, True),
    ],
)
def test_shrinker_is_on_unless_it_is_said(
    *, swap: tuple[int, ...], shrinker: bool | None, enabled: bool
) -> None:
    """Without a swap file it has nothing to do."""
    plan = choose(wishes(swap=swap, shrinker=shrinker))

    assert plan.topology.zswap.shrinker_enabled is enabled


@pytest.mark.parametrize("shrinker", [None, True])
def test_shrinker_is_the_topologys_unless_it_is_said(shrinker: bool | None) -> None:  # noqa: FBT001
    """A swap file alone does not turn it on."""
    topology = changed(wishes().topology, ["zswap.shrinker_enabled=false"])
    plan = choose(wishes(topology=topology, swap=(4096,), shrinker=shrinker))

    assert plan.topology.zswap.shrinker_enabled is bool(shrinker)


@pytest.mark.parametrize(("rounds", "expected"), [(None, 0), (3, 3)])
def test_duration_takes_the_limit_off_the_rounds(
    rounds: int | None, expected: int
) -> None:
    """Unless rounds are asked for as well."""
    assert choose(wishes(duration=5.0, rounds=rounds)).rounds == expected


@pytest.mark.parametrize(
    ("wish", "value", "message"),
    [
        ("workers", 13, "workers: 13: must be at most 12, the CPUs of topology paper"),
        ("shrinker", True, "shrinker: on: needs somewhere to write back to: --swap"),
        ("interleave", True, "interleave: topology paper has 1 node, must have more"),
        ("memory", 65 << 10, "memory: 65K: must be a multiple of 64K, the folio"),
        ("memory", 0, "memory: 0: must be a multiple of 64K, the folio"),
        ("memory", 1 << 30, "memory: 1G for each of 8 workers: .* at most 1G"),
        ("limit", 4095, "limit: 4095: must be at least 4096 bytes"),
        ("swap", (8192, 4095), "swap: 4095: must be a multiple of 4096 bytes"),
        ("swap", (4096,) * 33, "swap: 33 areas: must be at most 32"),
        ("compressor", "lzo", "compressor 'lzo': must be one of"),
        ("compressor", "zstd:99", "compressor 'zstd:99': the level must be"),
    ],
)
def test_wish_that_cannot_be_had_is_refused(
    wish: str, value: object, message: str
) -> None:
    """One line with the name, the value and the limit."""
    with pytest.raises(InputError, match=message):
        choose(wishes(**{wish: value}))


def two_devices(*lines: str) -> Topology:
    """Give a topology of two devices, the first with faults."""
    first, second = Device(name="iax0", faults=lines), Device(name="iax1")
    return msgspec.structs.replace(wishes().topology, devices=(first, second))


def test_faults_are_put_into_the_devices() -> None:
    """With the run's seed; the report has them as they were given."""
    plan = choose(wishes(topology=two_devices("crash:after=5"), faults=("lost:p=1%",)))

    assert plan.faults == ("crash:device=iax0,after=5", "lost:p=1%")
    assert [device.faults for device in plan.topology.devices] == [
        ("crash:after=5,seed=7", "lost:p=0.01,seed=7"),
        ("lost:p=0.01,seed=7",),
    ]


@pytest.mark.parametrize(
    ("line", "changes", "verified"),
    [
        ("wrong_data", (), True),
        ("truncated:op=compress,p=1%", (), True),
        ("truncated:op=decompress", (), False),
        ("page_fault", (), False),
        ("wrong_data", ("driver.verify_compress=false",), False),
        ("wrong_data", ("driver.sync_mode=sync",), True),
    ],
)
def test_streams_that_may_be_wrong_are_verified(
    *, line: str, changes: tuple[str, ...], verified: bool
) -> None:
    """Unless the user says whether; nothing else finds them before it is too late."""
    topology = changed(two_devices(), changes)
    plan = choose(wishes(topology=topology, changes=changes, faults=(line,)))

    added = ("driver.verify_compress=true",) if verified else ()
    assert plan.topology.driver.verify_compress is verified
    assert plan.changes == (*changes, *added)
    assert choose(wishes()).topology.driver.verify_compress is False


def test_streams_are_verified_though_the_file_has_the_faults() -> None:
    """And where the file verifies them already, nothing is changed."""
    topology = two_devices("wrong_data")
    assert choose(wishes(topology=topology)).topology.driver.verify_compress
    plan = choose(wishes(topology=changed(topology, ["driver.verify_compress=true"])))

    assert plan.topology.driver.verify_compress
    assert plan.changes == ()


def test_streams_that_cannot_be_verified_are_told() -> None:
    """A group that compresses has no engine for it."""
    groups = (Group(decompress_engines=8), Group(compress_engines=2))
    queues = (WorkQueue(name="a", size=8), WorkQueue(name="b", size=8, group_id=1))
    device = Device(name="iax0", groups=groups, wqs=queues)
    topology = msgspec.structs.replace(wishes().topology, devices=(device,))

    with pytest.raises(TopologyError, match="the driver verifies there"):
        choose(wishes(topology=topology, faults=("wrong_data",)))
