"""What is plain, whatever was checked before; by columns it would not be looked at."""

from collections.abc import Iterator
from itertools import product

import pytest

from mpzswap.device.check import Descriptor
from mpzswap.device.plain import MAX_KINDS, Plain, recognise
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import DecomprFlag, Opcode
from tests.tools.descriptors import asking, packed, word
from tests.tools.device_rig import HANDLE, MAX_TRANSFER_SIZE, DeviceRig, device_rig

COUNT = 40
# What no plain descriptor has beside others that compress.
ODD = {
    "pasid_priv": 99,
    "flags_opcode": word(Opcode.NOOP),
    "int_handle": HANDLE,
    "compr_flags": 1 << 15,
    "src2_addr": 1,
    "max_dst_size": PAGE_SIZE - 1,
    "src2_size": 1,
    "filter_flags": 1,
    "num_inputs": 1,
}


@pytest.fixture
def rig() -> Iterator[DeviceRig]:
    """Give a device, which has run a plain burst: its kind is remembered."""
    with device_rig("lz4") as made:
        assert found(made, *compressions(made)) is not None
        assert len(made.client.kinds) == 1
        yield made


def compressions(rig: DeviceRig) -> list[Descriptor]:
    """Give plain descriptors."""
    return [
        rig.compress(1, 2, completion_addr=rig.record_at(place))
        for place in range(COUNT)
    ]


def found(rig: DeviceRig, *descriptors: Descriptor) -> Plain | None:
    """Give what they are as a burst."""
    return recognise(packed(*descriptors), rig.client, MAX_TRANSFER_SIZE)


@pytest.mark.parametrize("place", [0, 1, COUNT - 1])
@pytest.mark.parametrize("name", ODD)
def test_one_that_is_odd_makes_a_burst_odd(
    rig: DeviceRig, name: str, place: int
) -> None:
    """In each of its fields, the first of them or the last."""
    burst = compressions(rig)
    burst[place] = burst[place]._replace(**{name: ODD[name]})

    assert found(rig, *burst) is None


@pytest.mark.parametrize("name", ODD)
def test_burst_of_nothing_else_is_odd_too(rig: DeviceRig, name: str) -> None:
    """It is not taken for one of the kind that is remembered."""
    odd = [each._replace(**{name: ODD[name]}) for each in compressions(rig)]

    assert found(rig, *odd) is None


def test_suppressed_output_is_another_kind(rig: DeviceRig) -> None:
    """Whichever came first."""
    burst = rig.decompress(1, 2, src1_size=100)
    quiet = burst._replace(compr_flags=burst.compr_flags | DecomprFlag.SUPPRESS_OUTPUT)
    plains = [found(rig, each) for each in (burst, quiet, burst)]

    assert [plain.writes for plain in plains if plain] == [True, False, True]


def test_interrupt_that_is_gone_is_asked_for_in_vain(rig: DeviceRig) -> None:
    """It may go with any segment, so no kind that has one is remembered."""
    burst = [asking(each, HANDLE) for each in compressions(rig)]
    plain = found(rig, *burst)
    assert plain is not None
    assert plain.int_handle == HANDLE
    handle = rig.client.interrupts.pop(HANDLE)

    assert found(rig, *burst) is None
    rig.client.interrupts[HANDLE] = handle
    assert found(rig, *burst) is not None


def test_no_more_than_some_kinds_are_remembered(rig: DeviceRig) -> None:
    """Whoever sends many fills no memory, and all are recognised."""
    flags = (
        DecomprFlag.ENABLE_DECOMP,
        DecomprFlag.FLUSH_OUTPUT,
        DecomprFlag.CHECK_FOR_EOB,
        DecomprFlag.STOP_ON_EOB,
        DecomprFlag.SUPPRESS_OUTPUT,
    )
    for wanted in product((0, 1), repeat=len(flags)):
        chosen = sum(flag * on for flag, on in zip(flags, wanted, strict=True))

        assert found(rig, rig.decompress(1, 2, compr_flags=chosen)) is not None
    assert len(rig.client.kinds) == MAX_KINDS


@pytest.mark.parametrize("field", ["src1_addr", "dst_addr"])
def test_addresses_do_not_go_round(rig: DeviceRig, field: str) -> None:
    """Pages side by side, the last of them behind 2**64."""
    burst = [
        each._replace(**{field: (2**64 - PAGE_SIZE + place * PAGE_SIZE) % 2**64})
        for place, each in enumerate(compressions(rig))
    ]

    assert found(rig, *burst) is None
