"""
A local Dask cluster of two processes: says its address, and lives while it is heard.

    python dask_cluster.py      one line: the address; it ends with its standard input
"""

import importlib
import sys

PROCESSES = 2


def main() -> None:
    """Have a cluster until nobody writes to us any more."""
    # Its types are there only where it is.
    distributed = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=PROCESSES,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        host="127.0.0.1",
    ) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
