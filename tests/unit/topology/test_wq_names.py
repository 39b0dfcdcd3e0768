"""Queues and devices are found by accel-config's names."""

import pytest

from mpzswap.errors import InputError
from mpzswap.topology.model import Device, Topology
from mpzswap.topology.wq_names import device_id, find_wqs
from mpzswap.topology.wq_table import WqId

LAPTOP = Topology.named("laptop-2iaa")
SERVER = Topology.named("spr-1s4iaa")


def test_device_means_all_its_queues() -> None:
    """In their order."""
    assert find_wqs(LAPTOP, "iax1") == [WqId(1, 0), WqId(1, 1)]


def test_queue_is_found_by_the_number_in_its_devices_name() -> None:
    """The server's devices have odd ones: DSA takes the even."""
    assert find_wqs(SERVER, "iax3/wq3.0") == [WqId(1, 0)]
    with pytest.raises(InputError, match=r"iax3/wq1\.0.* must be one of iax1, iax1/wq"):
        find_wqs(SERVER, "iax3/wq1.0")


@pytest.mark.parametrize("name", ["iax2", "iax0/wq1.0", "wq0.0", "", "iax0/"])
def test_unknown_name_is_refused(name: str) -> None:
    """With those that there are."""
    with pytest.raises(InputError, match=rf"{name!r}: must be one of iax0, iax0/wq0"):
        find_wqs(LAPTOP, name)


@pytest.mark.parametrize(
    ("name", "index", "number"), [("iax13", 2, 13), ("left", 2, 2), ("a1b", 0, 0)]
)
def test_device_without_a_number_has_its_place(
    name: str, index: int, number: int
) -> None:
    """So that each has one."""
    assert device_id(Device(name=name), index) == number
