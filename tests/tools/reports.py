"""Reports with fixed numbers, as a run might give them."""

import msgspec

from mpzswap.report.bench_records import BenchReport, BenchResult
from mpzswap.report.episodes import ChaosReport, EpisodeReport
from mpzswap.report.records import (
    AttributesReport,
    ComparisonReport,
    ContextReport,
    CpuReport,
    DeviceReport,
    DriverReport,
    FairnessReport,
    LatenciesReport,
    LatencyReport,
    LedgerReport,
    PathsReport,
    QueueReport,
    RatiosReport,
    StressReport,
    VerifyReport,
    WorkerReport,
    ZswapReport,
)
from mpzswap.topology.settings import Batching, DriverSettings, ZswapSettings

LATENCY = LatencyReport(
    count=32_750,
    mean=96_455,
    p50=91_391,
    p90=145_919,
    p99=226_815,
    p999=669_214,
    max=17_923_924,
)
NO_LATENCY = LatencyReport(count=0, mean=0, p50=0, p90=0, p99=0, p999=0, max=0)

ZSWAP = ZswapReport(
    zswpout=32_000,
    zswpin=24_576,
    stored_pages=8_137,
    pool_total_size=16_457_728,
    same_filled_pages=940,
    stored_incompressible_pages=378,
    pool_limit_hit=3,
    reject_compress_poor=0,
    reject_compress_fail=0,
    reject_alloc_fail=0,
    reject_reclaim_fail=0,
    decompress_fail=0,
    written_back_pages=0,
    compressed_bytes=57_000_000,
    compression_ratio=2.0611,
    pswpout=0,
    pswpin=0,
    pages_out=32_750,
    compressed_out=27_445,
    same_filled_out=3_766,
    incompressible_out=789,
    rejected_pages=750,
)

DRIVER = DriverReport(
    total_comp_calls=28_234,
    total_decomp_calls=20_594,
    total_sw_comp_calls=12,
    total_sw_decomp_calls=0,
    total_comp_bytes_out=51_000_000,
    total_decomp_bytes_in=38_000_000,
    total_completion_einval_errors=0,
    total_completion_timeout_errors=0,
    total_completion_comp_buf_overflow_errors=789,
)

CONTEXTS = {
    "off": ContextReport(requests=1, pages_per_request=1, buffers=1, bytes=4_160),
    "requests": ContextReport(
        requests=16, pages_per_request=1, buffers=16, bytes=66_560
    ),
    "driver": ContextReport(requests=2, pages_per_request=8, buffers=16, bytes=66_560),
}


def device(number: int, state: str = "ready") -> DeviceReport:
    """Give a device with one queue."""
    queue = QueueReport(
        name=f"wq{number}.0",
        configured_name="iaa_crypto",
        mode="dedicated",
        state="enabled",
        size=128,
        comp_calls=14_117,
        comp_bytes=25_500_000,
        decomp_calls=10_297,
        decomp_bytes=19_000_000,
        retries=4,
        max_occupancy=16,
    )
    return DeviceReport(
        name=f"iax{number}",
        id=number,
        state=state,
        death="killed by SIGKILL" if state == "died" else "",
        deaths=("killed by SIGKILL",) * 3 if state == "died" else (),
        restarts=2 if state == "died" else 0,
        busy_fraction=0.1316,
        descriptors=24_414,
        errors=394,
        unreported=0,
        broken_lanes=0,
        sleeps=3_903,
        wqs=(queue,),
    )


def stress_report(
    batching: Batching = "driver",
    problems: tuple[str, ...] = (),
    pages: str = "mix:mixed",
) -> StressReport:
    """Give the report of a run; with *problems* it is not ok."""
    return StressReport(
        version="0.1.0",
        clock="work",
        seed=7,
        topology="host",
        compressor="deflate-iaa",
        batching=batching,
        batch_size=8,
        workers=2,
        memory_bytes=16 << 20,
        limit_bytes=16 << 20,
        pages=pages,
        folio_pages=16,
        reclaim_batch=32,
        swap_bytes=0,
        swap_areas=0,
        interleave=False,
        changes=(),
        attributes=AttributesReport(DriverSettings(), ZswapSettings(batching=batching)),
        sync_mode="async",
        verify_compress=False,
        context=CONTEXTS[batching],
        rounds=2,
        pages_written=16_384,
        elapsed_s=6.171234,
        write_s=2.87,
        throughput_bytes_per_s=16_384 * 4096 / 2.87,
        zswap=ZSWAP,
        latency_ns=LatenciesReport(
            store_page=LATENCY, load_page=LATENCY, batch=NO_LATENCY
        ),
        driver=DRIVER,
        devices=(device(0), device(1, "died")),
        paths=PathsReport(
            device=48_828,
            software=12,
            rejected=750,
            reasons={"device_died": 12, "pool_limit": 750, "same_filled": 3_766},
        ),
        verify=VerifyReport(pages_checked=16_384, pages_wrong=0, pages_lost=0),
        each_worker=(
            WorkerReport(0, 8_192, 2_870_000_000, 6_000),
            WorkerReport(1, 8_192, 2_410_000_000, 7_000),
        ),
        fairness=FairnessReport(jain_index=0.9941, window_s=2.2),
        cpu_s=CpuReport(workers=3.53, devices=3.19),
        problems=problems,
        ok=not problems,
    )


def faulty_report() -> StressReport:
    """Give the report of a run in which things went wrong as they were to."""
    report = stress_report()
    first, second = report.devices
    replace = msgspec.structs.replace
    return replace(
        report,
        changes=("driver.verify_compress=true",),
        verify_compress=True,
        faults=("wrong_data:p=1%,op=compress", "crash:after=500,device=iax1"),
        devices=(
            replace(first, injected={"wrong_data": 1_234}),
            replace(second, injected={"crash": 1, "wrong_data": 12}),
        ),
        paths=replace(
            report.paths, reasons=report.paths.reasons | {"verify_compress": 1_246}
        ),
    )


def comparison_report(
    problems: tuple[str, ...] = (), differing: tuple[str, ...] = ()
) -> ComparisonReport:
    """Give a run with each batching mode; the last has the *problems*."""
    runs = (
        stress_report("off"),
        stress_report("requests"),
        stress_report("driver", problems),
    )
    ratios = tuple(
        RatiosReport(
            batching=run.batching,
            throughput=1.52,
            elapsed=0.71,
            store_page_p50=0.55,
            cpu=0.9,
        )
        for run in runs[1:]
    )
    return ComparisonReport(
        version="0.1.0",
        seed=7,
        runs=runs,
        ratios=ratios[-1],
        all_ratios=ratios,
        same_counters=not differing,
        differing=differing,
        ok=not problems,
    )


def bench_report(
    compressor: str = "deflate-iaa", software: int = 0, sync_mode: str = "async"
) -> BenchReport:
    """Give a sweep of two points."""
    results = tuple(
        BenchResult(
            operation=operation,
            compressor=compressor,
            batch_size=512,
            depth=1024,
            devices=64,
            sync_mode=sync_mode,
            pages=12_288,
            elapsed_s=1.4,
            ns_per_page=113_932.3,
            bytes_per_s=35_951_177.1,
            ratio=2.3456,
            software_pages=software,
            incompressible_pages=40,
            latency_ns=LATENCY,
        )
        for operation in ("compress", "decompress")
    )
    return BenchReport(
        version="0.1.0",
        clock="work",
        seed=7,
        source="mix mixed, seed 7: a blend of the others",
        results=results,
        ok=True,
    )


def episode_report(number: int) -> EpisodeReport:
    """Give episode *number* of a chaos run; the second one has failed."""
    failed = number == 1
    return EpisodeReport(
        number=number,
        settings="laptop-2iaa, 3 workers, lz4, async, driver of 8",
        faults=("hw_error:p=1%,seed=7,device=iax0",) if failed else (),
        blows=("SIGKILL device 1 at 24 %", "SIGSTOP worker 2 at 71 %"),
        kills=1,
        stops=1,
        restarts=number,
        injected={"hw_error": 4, "lost": 2} if failed else {},
        ledger=LedgerReport(
            out=1000 + failed,
            stored=100,
            written_back=50,
            loaded=700,
            rejected=30,
            invalidated=120,
        ),
        verify=VerifyReport(pages_checked=8_192, pages_wrong=0, pages_lost=int(failed)),
        elapsed_s=1.5 + number,
        problems=("pages: 0 wrong, 1 lost", "ledger: 1 page") if failed else (),
        ok=not failed,
    )


def chaos_report(nr_episodes: int = 3) -> ChaosReport:
    """Give a chaos run, one episode of which has failed."""
    episodes = tuple(episode_report(number) for number in range(nr_episodes))
    return ChaosReport(
        version="0.1.0",
        clock="work",
        seed=11,
        episodes=episodes,
        kills=nr_episodes,
        stops=nr_episodes,
        restarts=3,
        injected={"hw_error": 4, "lost": 2},
        ledger=sum((each.ledger for each in episodes), LedgerReport()),
        verify=VerifyReport(pages_checked=24_576, pages_wrong=0, pages_lost=1),
        elapsed_s=7.5,
        ok=False,
    )
