"""What each step of a CPU takes, from a topology's timing profile."""

from mpzswap.clock.steps import Costs, Step
from mpzswap.codec.table import parse_compressor
from mpzswap.errors import InputError
from mpzswap.topology.timing import FOLIO_SIZES, DeviceCodec, Timing

# The step of each folio size.
SWAP_OUT = dict(
    zip(
        FOLIO_SIZES,
        (
            Step.SWAP_OUT_4K,
            Step.SWAP_OUT_16K,
            Step.SWAP_OUT_32K,
            Step.SWAP_OUT_64K,
            Step.SWAP_OUT_2M,
        ),
        strict=True,
    )
)


def device_codec(timing: Timing, compressor: str) -> DeviceCodec | None:
    """Give what devices take for a compressor; None: it is software of the CPU."""
    return timing.devices.get(parse_compressor(compressor)[0])


def costs_of(timing: Timing, compressor: str) -> Costs:
    """
    Give what each step takes, ns, in their order.

    Raises:
        InputError: the profile has no figures for the compressor.
    """
    name = parse_compressor(compressor)[0]
    if name not in timing.software:
        known = ", ".join(timing.software) or "none"
        raise InputError(
            f"compressor: {name}: timing profile {timing.name} has software figures, "
            f"which all compressors need, for {known}"
        )
    software, cpu = timing.software[name], timing.cpu
    found = {
        Step.SOFTWARE_COMPRESS: software.compress.ns,
        Step.SOFTWARE_DECOMPRESS: software.decompress.ns,
        Step.STORE_CALL: cpu.store_call.ns,
        Step.LOAD_CALL: cpu.load_call.ns,
        Step.INTERRUPT: cpu.interrupt.ns,
    }
    codec = device_codec(timing, compressor)
    if codec is not None:
        found |= {
            Step.COMPRESS_CALL: codec.compress.call.ns,
            Step.DECOMPRESS_CALL: codec.decompress.call.ns,
            Step.COMPRESS_DESCRIPTOR: codec.compress.descriptor.ns,
            Step.DECOMPRESS_DESCRIPTOR: codec.decompress.descriptor.ns,
        }
    nearest = next(cpu.swap_out[size].ns for size in SWAP_OUT if size in cpu.swap_out)
    for size, step in SWAP_OUT.items():
        # A size without a figure costs what the next smaller one does, or the smallest.
        nearest = cpu.swap_out[size].ns if size in cpu.swap_out else nearest
        found[step] = nearest
    return tuple(found.get(step, 0.0) for step in Step)
