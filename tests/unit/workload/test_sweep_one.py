"""One run of a sweep: bytes in, bytes out."""

import msgspec

from mpzswap.report.sweep_records import Parameters
from mpzswap.topology.model import Topology
from mpzswap.workload.sweep_one import Result, Task, run_one, wishes_of

LAPTOP = Topology.named("laptop-2iaa")


def task(**parameters: object) -> Task:
    """Give a task on the laptop."""
    said: Parameters = {"topology": "laptop-2iaa", "seed": 1, **parameters}
    return Task(said, LAPTOP)


def test_parameters_become_wishes() -> None:
    """Each word is that of the wish, but for the three of a topology."""
    wishes = wishes_of(
        task(
            workers=2,
            batch_size=4,
            swap=[4096, 8192],
            inject=["late"],
            set={"driver.sync_mode": "sync"},
        )
    )

    assert (wishes.workers, wishes.batch_size, wishes.seed) == (2, 4, 1)
    assert wishes.swap == (4096, 8192)
    assert wishes.faults == ("late",)
    assert wishes.changes == ("driver.sync_mode=sync",)
    assert wishes.topology.driver.sync_mode == "sync"


def test_task_survives_its_journey() -> None:
    """The topology goes along, since its file may be on another host."""
    sent = msgspec.json.encode(task(swap=[4096], duration=1.5))

    assert wishes_of(msgspec.json.decode(sent, type=Task)) == wishes_of(
        task(swap=[4096], duration=1.5)
    )


def test_combination_that_cannot_be_is_its_result() -> None:
    """Nothing is raised where nobody would hear it in our words."""
    result = msgspec.json.decode(
        run_one(msgspec.json.encode(task(workers=1000))), type=Result
    )

    assert not result.ok
    assert str(result.error).startswith("workers: 1000: must be at most")
    assert result.report is msgspec.UNSET
