"""What a number must be read with."""

import os
import platform
import subprocess
from pathlib import Path

import numpy as np

from mpzswap.topology import host
from mpzswap.version import __version__


def circumstances() -> dict[str, object]:
    """Give versions, the processor, and what of it is ours."""
    return {
        "version": __version__,
        "commit": commit(),
        "cpu": cpu_model(),
        "usable_cores": host.usable_cores(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": platform.release(),
    }


def commit() -> str:
    """Give the commit of this checkout; empty where there is none."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever they have
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def cpu_model() -> str:
    """Give the processor's name, as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, "unknown")
