"""What a machine has done until now."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from mpzswap.driver.iaa_crypto import IaaCrypto
from mpzswap.driver.stats import DriverStats, WqStats
from mpzswap.machine.device_process import DeviceProcess
from mpzswap.machine.devices import Devices
from mpzswap.report.records import DeviceReport, QueueReport
from mpzswap.topology.faults import Kind
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_names import device_id, wq_name
from mpzswap.topology.wq_table import WqId


class Books(msgspec.Struct):
    """What drivers counted, in a form that travels and adds up."""

    driver: DriverStats
    # For each device, its work queues.
    wqs: list[list[WqStats]]

    @classmethod
    def empty(cls, topology: Topology) -> "Books":
        """Give books in which nothing has happened."""
        return cls(
            DriverStats(), [[WqStats() for _ in d.wqs] for d in topology.devices]
        )

    @classmethod
    def of_drivers(cls, topology: Topology, drivers: Iterable[IaaCrypto]) -> "Books":
        """Give the sums over the drivers of one process."""
        books = cls.empty(topology)
        for driver in drivers:
            books.driver.add(driver.stats)
            for queue in driver.queues:
                books.wqs[queue.device][queue.wq].add(queue.stats)
        return books

    def add(self, other: "Books") -> None:
        """Add what another process counted."""
        self.driver.add(other.driver)
        for mine, theirs in zip(self.wqs, other.wqs, strict=True):
            for wq, stats in zip(mine, theirs, strict=True):
                wq.add(stats)


@dataclass(frozen=True)
class MachineStats:
    """What ``Machine.stats`` gives: names as in the JSON of a stress run."""

    compressor: str
    driver: DriverStats
    devices: tuple[DeviceReport, ...]


def report_devices(
    devices: Devices, books: Books, elapsed_ns: int, silent: Collection[int]
) -> tuple[DeviceReport, ...]:
    """Give the report of every device; *silent* ones have not told their counters."""
    reports = (
        _report_device(process, devices, books.wqs[process.index], elapsed_ns)
        for process in devices.all
    )
    return tuple(
        msgspec.structs.replace(report, is_silent=index in silent)
        for index, report in enumerate(reports)
    )


def _report_device(
    process: DeviceProcess, devices: Devices, stats: list[WqStats], elapsed_ns: int
) -> DeviceReport:
    counters = devices.counters(process.index)
    number = device_id(process.device, process.index)
    injected = devices.injected(process.index)
    if refused := sum(wq.injected_queue_full for wq in stats):
        injected[Kind.QUEUE_FULL.value] = refused
    return DeviceReport(
        name=process.name,
        id=number,
        state=devices.state(process.index).name.lower(),
        death=process.death,
        deaths=tuple(process.deaths),
        restarts=process.restarts,
        busy_fraction=round(devices.busy_ns(process.index) / max(1, elapsed_ns), 4),
        descriptors=counters.descriptors,
        errors=counters.errors,
        unreported=counters.unreported,
        broken_lanes=counters.broken_lanes,
        sleeps=counters.sleeps,
        interrupts=counters.interrupts,
        injected=injected,
        wqs=tuple(
            QueueReport(
                name=wq_name(number, place),
                configured_name=wq.name,
                mode=wq.mode,
                state=devices.queue_state(WqId(process.index, place)),
                size=wq.size,
                **vars(stats[place]),
            )
            for place, wq in enumerate(process.device.wqs)
        ),
    )
