"""`bench/run scale`: what more replicas of one stage give, each held to the same share of a core."""

import shutil
import time
from contextlib import ExitStack, contextmanager

from e2e.cpu_quota import CgroupQuota, make_quota
from e2e.failure import Failure
from e2e.pipeline import ACCOUNTED, Stage
from e2e.report import runs_text

# What a stage has done with its rows, and what must have run before it has any.
DONE = {
    "ingestor": ("penstock_ingestor_rows_out_total",),
    "transform": ("penstock_transform_rows_in_total",),
    "sink": tuple(f"penstock_sink_rows_{of}_total" for of in ACCOUNTED),
}
WORKLOAD = {"ingestor": "logs", "transform": "transform", "sink": "logs"}
POLL_S = 0.2
WANTED = 0.9


def measure(workload, servers, options, folder):
    """A tree for each run: by the number of replicas, rate and CPU."""
    topic = f"bench-scale-{workload.name}"
    workload.delete_topic(topic)
    print(f"producing {options.events:,} {workload.name} events", flush=True)
    print("  " + workload.produce(topic, options.events, options.seed), flush=True)
    try:
        runs = []
        for number in range(1, options.runs + 1):
            run = {}
            for replicas in options.replicas:
                run[str(replicas)] = _run(workload, servers, options, folder, topic, replicas)
                rate = run[str(replicas)]["rows_per_second"]
                print(f"run {number}, {replicas} replicas: {rate:,.0f} rows/s", flush=True)
            runs.append(run)
        return runs
    finally:
        workload.delete_topic(topic)


def _run(workload, servers, options, folder, topic, replicas):
    pipeline_id = f"bench-scale-{time.time_ns():x}"
    table = f"bench_scale_{workload.name}"
    document = folder / "pipeline.yaml"
    document.write_text(workload.document(pipeline_id, topic, table))
    workload.create_table(table, options.table)
    for state in folder.glob("state-*"):
        shutil.rmtree(state)
    try:
        with _stages(options, document, servers, folder) as start:
            if options.stage != "ingestor":
                _fill(start, options, workload)
            servers.settle()
            stages = [start(options.stage, number) for number in range(replicas)]
            for stage in stages:
                stage.wait_until_serving()
            return _window(stages, options)
    finally:
        servers.delete_streams(pipeline_id)
        servers.query(f"DROP TABLE IF EXISTS {table} SYNC")


@contextmanager
def _stages(options, document, servers, folder):
    """Gives a function that starts a process; with a number, as that replica and with the quota."""
    with ExitStack() as stack:

        def start(name, number=None):
            replica = quota = None
            if number is not None:
                replica = f"{name}-{number}"
                quota = make_quota(options.quota, replica, options.limit)
                options.limited_by = "cgroup" if isinstance(quota, CgroupQuota) else "signals"
            stage = Stage(name, options.bin, document, servers.nats, folder, replica, quota)
            stack.callback(stage.kill)
            return stage

        yield start


def _fill(start, options, workload):
    """Puts all events into the streams that the stage reads, as fast as it goes."""
    before = workload.stages[: workload.stages.index(options.stage)]
    stages = [start(name) for name in before]
    for stage in stages:
        stage.wait_until_serving()
    end = time.monotonic() + 120 + options.events / 5000
    while _done(before[-1], [stages[-1]])[0] < options.events:
        if time.monotonic() > end:
            raise Failure(f"the streams are not full in time\n{stages[-1].tail()}")
        time.sleep(POLL_S)
    for stage in stages:
        stage.kill()


def _done(name, stages):
    """Rows that each has done."""
    pages = [stage.scrape() for stage in stages]
    return [sum(page.total(counter) for counter in DONE[name]) for page in pages]


def _window(stages, options):
    """What the replicas do once all of them are at work, for as long as was asked."""
    end = time.monotonic() + 60
    while any(done == 0 for done in _done(options.stage, stages)):
        if time.monotonic() > end:
            raise Failure("not every replica has work within 60 s\n" + stages[-1].tail())
        time.sleep(POLL_S)
    time.sleep(options.warm_up)
    began, before, used = time.monotonic(), _done(options.stage, stages), _cpu(stages)
    time.sleep(options.seconds)
    after, seconds = _done(options.stage, stages), time.monotonic() - began
    cores = [(now - then) / seconds for now, then in zip(_cpu(stages), used)]
    if sum(after) > 0.95 * options.events:
        raise Failure(
            f"{len(stages)} replicas are through with the events before the {options.seconds} s are over: "
            "give it more --events or fewer --seconds"
        )
    rows = [now - then for now, then in zip(after, before)]
    return {
        "rows_per_second": sum(rows) / seconds,
        "least_share": min(rows) * len(rows) / max(1, sum(rows)),
        "cores_each": sum(cores) / len(cores),
    }


def _cpu(stages):
    return [stage.use().cpu for stage in stages]


def text(result):
    figures = result["median"]
    least = min(figures, key=int)
    one = figures[least]["rows_per_second"] / int(least)
    lines = [
        f"{result['stage']}, {result['workload']}: replicas of {result['quota']} cores each, by "
        f"{result['limited_by']}; {result['seconds']} s; {runs_text(len(result['runs']))}",
        "",
        f"{'replicas':>8}{'rows/s':>12}{'of n times one':>17}{'cores each':>13}{'smallest share':>17}",
    ]
    for replicas, figure in figures.items():
        linear = figure["rows_per_second"] / (int(replicas) * one)
        lines.append(
            f"{replicas:>8}{figure['rows_per_second']:>12,.0f}{linear:>17.2f}{figure['cores_each']:>13.2f}"
            f"{figure['least_share']:>17.2f}"
        )
    most = max(figures, key=int)
    reached = figures[most]["rows_per_second"] / (int(most) * one)
    lines += ["", f"{most} replicas: {reached:.2f} of linear, wanted {WANTED}"]
    return "\n".join(lines)
