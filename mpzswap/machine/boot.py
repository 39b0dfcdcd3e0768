"""
The first lines of the starter process; run as a file, not imported.

    python -P .../mpzswap/machine/boot.py .../mpzswap DIRECTORY...

It takes the mpzswap that it is told to, whatever a file or a directory of that name
near the user's script may be.  What the parent has on its path besides ours goes to
the end of it, so that nothing there hides a module of the standard library.
"""

import importlib.util
import sys
from pathlib import Path


def load_package(folder: str) -> None:
    """Import the package in *folder* under the folder's name."""
    name = Path(folder).name
    spec = importlib.util.spec_from_file_location(
        name, Path(folder) / "__init__.py", submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder}: no package is there")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def main() -> None:
    """Find the parent's mpzswap, then become the starter."""
    folder, *path = sys.argv[1:]
    sys.path.extend(entry for entry in path if entry not in sys.path)
    load_package(folder)
    # It can be found only now.
    from mpzswap.machine import starter  # noqa: PLC0415

    starter.main()


if __name__ == "__main__":
    main()
