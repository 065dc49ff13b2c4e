"""`bench/run server-cpu`: what ClickHouse itself spends on the sink's blocks, and on the same rows as
JSONEachRow, block for block."""

import time

from e2e.pipeline import Pipeline, wait_for

LIMIT_S = 600
EVENTS = "('UserTimeMicroseconds', 'SystemTimeMicroseconds')"
CPU = f"SELECT sum(value) / 1e6 FROM system.events WHERE event IN {EVENTS}"
JSON_SETTINGS = "async_insert = 0, date_time_input_format = 'best_effort'"


def measure(workload, servers, options, folder):
    """One run: seconds of the server a million rows, by table and format."""
    topic = f"bench-cpu-{workload.name}"
    workload.delete_topic(topic)
    print(f"producing {options.events:,} {workload.name} events", flush=True)
    workload.produce(topic, options.events, options.seed)
    tables = {table: f"bench_cpu_{workload.name}_{table}" for table in ("null", "merge")}
    run = {}
    try:
        for kind, table in tables.items():
            _create(workload, servers, table, kind)
            run[f"native_{kind}"] = _by_sink(workload, servers, options, folder, topic, table)
        for kind in tables:
            copy = f"bench_cpu_{workload.name}_json_{kind}"
            _create(workload, servers, copy, kind)
            run[f"json_{kind}"] = _as_json(servers, tables["merge"], copy, options.events)
            servers.query(f"DROP TABLE {copy} SYNC")
        parts = f"FROM system.parts WHERE active AND table = '{tables['merge']}'"
        run["blocks"] = int(servers.query(f"SELECT count() {parts}"))
    finally:
        workload.delete_topic(topic)
        for table in tables.values():
            servers.query(f"DROP TABLE IF EXISTS {table} SYNC")
    return [run]


def _create(workload, servers, table, kind):
    workload.create_table(table, kind)
    # Merges come later and are the same for both; without them a part is a block.
    if kind == "merge":
        servers.query(f"SYSTEM STOP MERGES {table}")


class _Cpu:
    """What the server's own counters say it has used; reading them costs it a millisecond."""

    def __init__(self, servers):
        self._servers = servers
        self._before = 0.0
        self.seconds = 0.0

    def __enter__(self):
        self._before = float(self._servers.query(CPU))

    def __exit__(self, *_):
        self.seconds += float(self._servers.query(CPU)) - self._before


def _by_sink(workload, servers, options, folder, topic, table):
    pipeline_id = f"bench-cpu-{workload.name}-{time.time_ns():x}"
    document = folder / "pipeline.yaml"
    document.write_text(workload.document(pipeline_id, topic, table))
    servers.settle()
    cpu = _Cpu(servers)
    try:
        stages = (options.bin, document, servers.nats, folder, workload.stages)
        with cpu, Pipeline(*stages) as pipeline:
            rows = f"{options.events:,} rows"
            confirmed = lambda: pipeline.confirmed() >= options.events  # noqa: E731
            wait_for(confirmed, rows, pipeline, 0.1, LIMIT_S)
    finally:
        servers.delete_streams(pipeline_id)
    return cpu.seconds * 1e6 / options.events


def _as_json(servers, source, copy, events):
    columns = f"SELECT * FROM {source} WHERE _part ="
    names = f"SELECT name FROM system.parts WHERE active AND table = '{source}'"
    cpu = _Cpu(servers)
    for part in servers.query(names).split():
        rows = servers.post("", f"{columns} '{part}' FORMAT JSONEachRow".encode())
        with cpu:
            insert = f"INSERT INTO {copy} SETTINGS {JSON_SETTINGS} FORMAT JSONEachRow"
            servers.post(insert, rows)
    return cpu.seconds * 1e6 / events


def text(result):
    run = result["median"]
    lines = [
        f"{result['workload']}: {result['events']:,} rows in {run['blocks']:,.0f} blocks; seconds of "
        "the server a million rows, by its own counters",
        "",
        f"{'table':<12}{'Native by the sink':>20}{'JSONEachRow':>14}{'ratio':>8}",
    ]
    for kind, name in (("null", "Null"), ("merge", "MergeTree")):
        native, json = run[f"native_{kind}"], run[f"json_{kind}"]
        lines.append(f"{name:<12}{native:>20.2f}{json:>14.2f}{json / native:>8.1f}")
    return "\n".join(lines)
