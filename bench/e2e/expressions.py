"""`bench/run expressions`: typical expressions, beside the reference's own language in Go."""

import json
import re
import shutil
import statistics
import subprocess
from pathlib import Path

from e2e.failure import Failure

GO = Path(__file__).resolve().parent.parent / "micro" / "expr_go"
_LINE = re.compile(r"^BenchmarkExpr/(\w+)\S*\s+\d+\s+([\d.]+) ns/op")


def run(options, folder):
    """Name → ns a row: the median of the runs, ours and (where Go is there) the reference's."""
    ours, reference = {}, {}
    for _ in range(options.runs):
        _collect(ours, _own(options, folder))
        _collect(reference, _go() if shutil.which("go") else {})
    return {
        "own": {name: statistics.median(times) for name, times in ours.items()},
        "go": {name: statistics.median(times) for name, times in reference.items()},
    }


def text(results):
    lines = [f"{'ns a row':<20}{'Penstock':>10}{'Go':>10}"]
    for name, time in results["own"].items():
        go = results["go"].get(name)
        lines.append(f"{name:<20}{time:>10.0f}{f'{go:.0f}' if go else '-':>10}")
    decode = results["go"].get("decode_the_record")
    if decode:
        lines.append(f"{'(decoding, once a row)':<30}{decode:>10.0f}")
    return "\n".join(lines)


def _collect(all_times, times):
    for name, time in times.items():
        all_times.setdefault(name, []).append(time)


def _own(options, folder):
    out = folder / "expr_bench.json"
    command = [options.bin / "expr_bench", f"--benchmark_out={out}", "--benchmark_out_format=json"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        raise Failure("expr_bench failed")
    return {
        result["name"].split("/")[1]: result["cpu_time"] / 1000
        for result in json.loads(out.read_text())["benchmarks"]
    }


def _go():
    command = ["go", "test", "-bench", ".", "-benchtime", "0.3s", "-cpu", "1"]
    done = subprocess.run(command, cwd=GO, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"go test failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    matches = (_LINE.match(line) for line in done.stdout.splitlines())
    return {match[1]: float(match[2]) for match in matches if match}
