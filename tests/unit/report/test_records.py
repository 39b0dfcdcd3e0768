"""The names of the JSON reports, on which users' scripts rely."""

from typing import Any

import msgspec

from tests.tools.reports import bench_report, comparison_report, stress_report

# contract.md, "JSON of a `stress` run".
STRESS = """
format command version clock seed topology compressor batching batch_size elapsed_s
throughput_bytes_per_s zswap latency_ns driver devices paths verify cpu_s ok
sync_mode verify_compress context reclaim readahead
"""
ZSWAP = """
zswpout zswpin stored_pages pool_total_size same_filled_pages
stored_incompressible_pages pool_limit_hit reject_compress_poor reject_compress_fail
reject_alloc_fail reject_reclaim_fail decompress_fail written_back_pages
compressed_bytes compression_ratio
"""
LATENCY = "count mean p50 p90 p99 p999 max"
DRIVER = """
total_comp_calls total_decomp_calls total_sw_comp_calls total_sw_decomp_calls
total_comp_bytes_out total_decomp_bytes_in total_completion_einval_errors
total_completion_timeout_errors total_completion_comp_buf_overflow_errors
"""
WQ = "name comp_calls comp_bytes decomp_calls decomp_bytes retries max_occupancy"
CONTEXT = "requests pages_per_request buffers bytes"
WORKER = "number pages_written write_ns window_pages"
RECLAIM = "batches folios full swap_area node pmd list_end"
BENCH = """
operation compressor batch_size depth devices pages elapsed_s ns_per_page bytes_per_s
ratio latency_ns
"""


def as_read(report: object) -> Any:  # noqa: ANN401 - JSON
    """Give a report as a script reads it."""
    return msgspec.json.decode(msgspec.json.encode(report))


def missing(names: str, found: dict[str, object]) -> set[str]:
    """Give the *names* that are not there."""
    return set(names.split()) - set(found)


def test_stress_has_every_name_of_the_contract() -> None:
    """Names may be added; none goes."""
    report = as_read(stress_report())

    assert not missing(STRESS, report)
    assert not missing(ZSWAP, report["zswap"])
    assert not missing("store_page load_page batch", report["latency_ns"])
    assert not missing(LATENCY, report["latency_ns"]["batch"])
    assert not missing(DRIVER, report["driver"])
    assert not missing("name state busy_fraction wqs", report["devices"][0])
    assert not missing(WQ, report["devices"][0]["wqs"][0])
    assert not missing("device software rejected reasons", report["paths"])
    assert not missing("pages_checked pages_wrong pages_lost", report["verify"])
    assert not missing("workers devices", report["cpu_s"])
    assert not missing(CONTEXT, report["context"])
    assert not missing(RECLAIM, report["reclaim"])
    assert not missing(WORKER, report["each_worker"][0])
    assert not missing("jain_index window_s", report["fairness"])
    assert not missing("swap_ra swap_ra_hit", report["readahead"])


def test_comparison_has_every_name_of_the_contract() -> None:
    """Its runs are reports of a run."""
    report = as_read(comparison_report())

    assert not missing("format command version seed runs ratios ok", report)
    assert not missing(STRESS, report["runs"][0])
    assert not missing("same_counters differing", report)
    assert not missing("throughput elapsed store_page_p50 cpu", report["ratios"])


def test_bench_has_every_name_of_the_contract() -> None:
    """One result for each point of the sweep."""
    report = as_read(bench_report())

    assert not missing("format command version clock seed results ok", report)
    assert not missing(BENCH, report["results"][0])
    assert not missing("sync_mode", report["results"][0])
    assert not missing(LATENCY, report["results"][0]["latency_ns"])
