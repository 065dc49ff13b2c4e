"""`bench/run e2e`: a full topic through the pipeline, as fast as it goes."""

import time
from contextlib import ExitStack

from e2e.failure import Failure
from e2e.pipeline import ACCOUNTED, Pipeline, wait_for
from e2e.process_use import MIB
from e2e.profile import Profile
from e2e.servers import SERVERS

# How often the stages are asked at most and at least: an answer costs them 0.4 ms, which is in what
# is measured, so they are asked often only when the end is near.
POLL_S = 0.03
FAR_POLL_S = 0.5
# Events a second; what takes longer has failed.
SLOWEST_RATE = 5000


def measure(workload, servers, options, folder):
    """All runs over one topic; each has a pipeline and a table of its own."""
    topic = f"bench-{workload.name}"
    workload.delete_topic(topic)
    print(f"producing {options.events:,} {workload.name} events", flush=True)
    print("  " + workload.produce(topic, options.events, options.seed), flush=True)
    try:
        runs = []
        for number in range(1, options.runs + 1):
            runs.append(_run(workload, servers, options, folder, topic, number))
            print(f"run {number}: {runs[-1]['events_per_second']:,.0f} events/s", flush=True)
        return runs
    finally:
        workload.delete_topic(topic)


def _run(workload, servers, options, folder, topic, number):
    pipeline_id = f"bench-{workload.name}-{time.time_ns():x}"
    table = f"bench_{workload.name}_{options.table}"
    document = folder / "pipeline.yaml"
    document.write_text(workload.document(pipeline_id, topic, table))
    workload.create_table(table, options.table)
    servers.settle()
    try:
        profiled = options.profile and number == 1
        run = _drive(workload, servers, options, folder, document, profiled)
        _check_table(servers, table, options, run)
        return run
    finally:
        servers.delete_streams(pipeline_id)
        servers.query(f"DROP TABLE IF EXISTS {table} SYNC")


def _drive(workload, servers, options, folder, document, profiled):
    """Runs the pipeline until Kafka has everything committed, and reads what that took."""
    before = servers.uses()
    began = time.monotonic()
    with ExitStack() as stack:
        profile = stack.enter_context(Profile(folder)) if profiled else None
        pipeline = stack.enter_context(
            Pipeline(options.bin, document, servers.nats, folder, workload.stages)
        )
        wait_for(lambda: pipeline.rows_read() > 0, "reading", pipeline, 0.01, 60)
        first_read = time.monotonic()
        _wait_until_confirmed(pipeline, workload.rows(options.events), first_read)
        last_confirmed = time.monotonic()
        wait_for(pipeline.no_lag, "all offsets committed", pipeline, POLL_S, 60)
        committed = time.monotonic()
        after = servers.uses()
        uses = {name: pipeline[name].use() for name in workload.stages}
        pages = {name: pipeline[name].scrape() for name in workload.stages}
    if profile:
        profile.write({name: pipeline[name].pid for name in workload.stages})
    for name, page in pages.items():
        (folder / f"{name}.metrics").write_text(page.text)
    uses.update({name: after[name].since(before[name]) for name in SERVERS})
    workload.check_account(pages, options.events)
    seconds = last_confirmed - first_read
    return {
        "events_per_second": workload.events_in(options.events) / seconds,
        "seconds": seconds,
        "seconds_from_start_to_committed": committed - began,
        "processes": {name: _figures(use, workload.events_in(options.events)) for name, use in uses.items()},
        "detail": _detail(pages),
    }


def _wait_until_confirmed(pipeline, events, began):
    period_s = POLL_S

    def all_are():
        nonlocal period_s
        confirmed = pipeline.confirmed()
        left_s = (time.monotonic() - began) * (events - confirmed) / max(1, confirmed)
        period_s = min(FAR_POLL_S, max(POLL_S, left_s / 3))
        return confirmed >= events

    limit_s = 120 + events / SLOWEST_RATE
    wait_for(all_are, f"{events:,} rows confirmed", pipeline, lambda: period_s, limit_s)


def _figures(use, events):
    return {
        "cpu_seconds": round(use.cpu, 2),
        "cpu_user": round(use.user, 2),
        "cpu_system": round(use.system, 2),
        "cpu_seconds_per_million": round(use.cpu * 1e6 / events, 3),
        "peak_mib": round(use.peak_bytes / MIB, 1),
    }


def _detail(pages):
    ingestor, sink = next(iter(pages.values())), pages["sink"]
    batches = ingestor.total("penstock_ingestor_batches_out_total")
    rows = {of: sink.total(f"penstock_sink_rows_{of}_total") for of in ACCOUNTED}
    return {
        "rows": rows,
        "batches": batches,
        "mean_batch_bytes": ingestor.total("penstock_ingestor_bytes_out_total") / max(1, batches),
        "mean_publish_seconds": ingestor.mean("penstock_ingestor_publish_seconds"),
        "ingestor_backpressure_seconds": ingestor.total(
            "penstock_ingestor_backpressure_seconds_total"
        ),
        "blocks": sink.total("penstock_sink_block_rows_count"),
        "mean_block_rows": sink.mean("penstock_sink_block_rows"),
        "mean_insert_seconds": sink.mean("penstock_sink_insert_seconds"),
    }


def _check_table(servers, table, options, run):
    if options.table == "null":
        return  # The sink's own count, checked already, is all there is.
    wanted = int(run["detail"]["rows"]["out"])
    rows, distinct = servers.query(f"SELECT count(), uniqExact(event_id) FROM {table}").split()
    if int(rows) != wanted or int(distinct) != wanted:
        raise Failure(f"{table} has {rows} rows and {distinct} distinct ids instead of {wanted}")
