"""Medians over runs, and the tables that people read."""

import statistics


# "Penstock, with nats-server": what a comparison with systems that need no buffer counts.
NOT_OWN = ("kafka", "clickhouse")


def median(runs):
    """The same tree as one run, with the median of each number."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: median([run[key] for run in runs if key in run]) for key in first}
    numbers = [run for run in runs if isinstance(run, (int, float))]
    return statistics.median(numbers) if numbers else first


def throughput_text(result):
    figures = result["median"]
    where = {"merge": "a MergeTree table with a deduplication window", "null": "a Null table"}
    lines = [
        f"{result['workload']}: {result['events']:,} events into {where[result['table']]}; "
        + runs_text(len(result["runs"])),
        f"{figures['events_per_second']:,.0f} events/s: {figures['seconds']:.2f} s from the first "
        "read to the last row confirmed",
        f"{figures['seconds_from_start_to_committed']:.2f} s from starting the processes until "
        "Kafka had all offsets committed",
        "",
        f"{'process':<18}{'CPU s/million':>15}{'CPU s':>9}{'user':>9}{'system':>9}{'peak MiB':>11}",
    ]
    for name, use in figures["processes"].items():
        lines.append(
            f"{name:<18}{use['cpu_seconds_per_million']:>15.2f}{use['cpu_seconds']:>9.2f}"
            f"{use['cpu_user']:>9.2f}{use['cpu_system']:>9.2f}{use['peak_mib']:>11.0f}"
        )
    own = [name for name in figures["processes"] if name not in NOT_OWN]
    own_cpu = sum(figures["processes"][name]["cpu_seconds_per_million"] for name in own)
    total = sum(use["cpu_seconds"] for use in figures["processes"].values())
    lines += [
        f"{'+'.join(own)}: {own_cpu:.2f} CPU s/million",
        "",
        f"all processes together: {total:.2f} CPU s, {total / figures['seconds']:.2f} cores busy",
        _detail_text(figures["detail"]),
    ]
    return "\n".join(lines)


def _detail_text(detail):
    return (
        f"{detail['batches']:,.0f} batches of {detail['mean_batch_bytes'] / 1024:,.0f} KiB, "
        f"published in {_ms(detail['mean_publish_seconds'])}; "
        f"{detail['blocks']:,.0f} blocks of {detail['mean_block_rows']:,.0f} rows, "
        f"inserted in {_ms(detail['mean_insert_seconds'])}; "
        f"backpressure {detail['ingestor_backpressure_seconds']:.1f} s"
    )


def latency_text(result):
    figures = result["median"]
    lines = [
        f"{result['workload']}: {result['rate']:,} events/s for {result['seconds']} s, "
        f"max_delay_time {result['max_delay']}; {runs_text(len(result['runs']))}",
        "Kafka timestamp to confirmed insert, by the sink's histogram: "
        + _quantiles(figures["confirmed"])
        + f"; within 250 ms {figures['share_within_250_ms']:.2%}",
    ]
    if figures["inserted"]:
        by_rows = _quantiles(figures["inserted"])
        lines.append(f"Kafka timestamp to ClickHouse's own clock, over all rows: {by_rows}")
    lines += ["", f"{'process':<12}{'cores':>8}{'peak MiB':>11}"]
    for name, use in figures["processes"].items():
        lines.append(f"{name:<12}{use['cores']:>8.2f}{use['peak_mib']:>11.0f}")
    return "\n".join(lines)


def machine_text(result):
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"{machine['date']}: {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_mib'] // 1024} GiB, Linux {machine['kernel']}, load average "
        f"{machine['load_average']:.1f} before\n{versions}"
    )


def shown_arguments(arguments):
    """Without those that say where things lie on this machine."""
    shown, skip = [], False
    for argument in arguments:
        name = argument.partition("=")[0]
        if name in ("--append", "--json", "--dir", "--build"):
            skip = "=" not in argument
        elif skip:
            skip = False
        else:
            shown.append(argument)
    return shown


def runs_text(count):
    return "one run" if count == 1 else f"median of {count} runs"


def _quantiles(quantiles):
    return ", ".join(f"{name} {_ms(seconds)}" for name, seconds in quantiles.items())


def _ms(seconds):
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"
