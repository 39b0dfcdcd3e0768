"""Timing profiles as files say them: round figures, as a test changes them."""

from typing import Any


def figure(ns: float) -> dict[str, Any]:
    """Give a time with a source."""
    return {"ns": ns, "source": "ours"}


def direction(*points: tuple[int, float]) -> dict[str, Any]:
    """Give what a request takes, and an engine for so many bytes."""
    engine = [{"bytes": size, **figure(ns)} for size, ns in points]
    return {"call": figure(100), "descriptor": figure(10), "engine": engine}


def document(**changes: object) -> dict[str, Any]:
    """Give a profile in which devices run lz4 and a CPU zstd."""
    codec = {"compress": direction((4096, 1000)), "decompress": direction((4096, 500))}
    cpu = {name: figure(20) for name in ("store_call", "load_call", "interrupt")}
    return {
        "compress_engines": {"count": 2, "source": "ours"},
        "decompress_engines": {"count": 8, "source": "ours"},
        "devices": {"lz4": codec},
        "software": {"zstd": {"compress": figure(7000), "decompress": figure(3000)}},
        "cpu": cpu | {"swap_out": {"4K": figure(9000), "64K": figure(8000)}},
        **changes,
    }
