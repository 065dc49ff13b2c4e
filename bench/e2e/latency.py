"""`bench/run latency`: a steady stream of events, and how soon each can be queried."""

import subprocess
import time

from e2e.failure import Failure
from e2e.metrics import quantile, share_within
from e2e.pipeline import Pipeline, wait_for
from e2e.process_use import MIB

POLL_S = 0.1
# Connections are made and caches filled before samples count.
WARM_UP_S = 5
LATENCY = "penstock_end_to_end_seconds"
GOAL_S = 0.25
SHARES = (0.5, 0.95, 0.99)
_TIME_COLUMN = '\n    - {name: _timestamp, column_name: kafka_time, column_type: "DateTime64(3)"}'


def measure(workload, servers, options, folder):
    topic = f"bench-latency-{workload.name}"
    return [_run(workload, servers, options, folder, topic) for _ in range(options.runs)]


def _run(workload, servers, options, folder, topic):
    pipeline_id = f"bench-latency-{time.time_ns():x}"
    table = f"bench_latency_{workload.name}"
    document = folder / "pipeline.yaml"
    text = workload.document(pipeline_id, topic, table, max_delay=options.max_delay)
    document.write_text(text.replace("\nresources:", _TIME_COLUMN + "\nresources:"))
    workload.delete_topic(topic)
    workload.produce(topic, 0, options.seed)  # Makes the topic.
    workload.create_table(table, options.table)
    servers.query(
        f"ALTER TABLE {table} ADD COLUMN kafka_time DateTime64(3), "
        "ADD COLUMN inserted_at DateTime64(3) DEFAULT now64(3)"
    )
    servers.settle()
    try:
        figures = _drive(workload, servers, options, folder, document, topic)
        return figures | {"inserted": _inserted(servers, table, options)}
    finally:
        servers.delete_streams(pipeline_id)
        servers.query(f"DROP TABLE IF EXISTS {table} SYNC")
        workload.delete_topic(topic)


def _drive(workload, servers, options, folder, document, topic):
    events = options.rate * (options.seconds + WARM_UP_S)
    with Pipeline(options.bin, document, servers.nats, folder, workload.stages) as pipeline:
        wait_for(
            lambda: pipeline.all_partitions_assigned() and pipeline["sink"].ready(),
            "partitions assigned",
            pipeline,
            POLL_S,
            60,
        )
        command = workload.producer(topic, events, options.seed, options.rate)
        producer = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            time.sleep(WARM_UP_S)
            buckets = pipeline["sink"].scrape().buckets(LATENCY)
            before = servers.uses() | {name: pipeline[name].use() for name in workload.stages}
            said = producer.communicate(timeout=options.seconds + 120)[0].strip()
        finally:
            producer.kill()
        after = servers.uses() | {name: pipeline[name].use() for name in workload.stages}
        if producer.returncode != 0:
            raise Failure(f"producing to {topic}: {said}")
        wait_for(
            lambda: pipeline.confirmed() >= events and pipeline.no_lag(),
            "everything confirmed",
            pipeline,
            POLL_S,
            60,
        )
        page = pipeline["sink"].scrape()
    (folder / "sink.metrics").write_text(page.text)
    return _figures(page.buckets(LATENCY), buckets, before, after, options.seconds) | {
        "producer": said
    }


def _inserted(servers, table, options):
    """The same by the rows themselves, exactly, but for the time from here to the part's commit."""
    if options.table == "null":
        return None
    shares = ", ".join(map(str, SHARES))
    values = servers.query(
        f"SELECT quantilesExact({shares})(toUnixTimestamp64Milli(inserted_at) - "
        f"toUnixTimestamp64Milli(kafka_time)) FROM {table} WHERE kafka_time >= "
        f"(SELECT min(kafka_time) FROM {table}) + INTERVAL {WARM_UP_S} SECOND"
    )
    milliseconds = (float(value) for value in values.strip("[]").split(","))
    return {name: ms / 1000 for name, ms in zip(_names(), milliseconds)}


def _names():
    return [f"p{share * 100:g}" for share in SHARES]


def _figures(later, earlier, before, after, seconds):
    quantiles = (quantile(share, later, earlier) for share in SHARES)
    return {
        "confirmed": dict(zip(_names(), quantiles)),
        "share_within_250_ms": share_within(GOAL_S, later, earlier),
        "histogram": {
            str(bound): count - earlier.get(bound, 0) for bound, count in sorted(later.items())
        },
        "processes": {
            name: {
                "cores": round(after[name].since(before[name]).cpu / seconds, 3),
                "peak_mib": round(after[name].peak_bytes / MIB, 1),
            }
            for name in after
        },
    }
