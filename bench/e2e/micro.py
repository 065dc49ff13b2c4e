"""`bench/run micro`: the Google Benchmark executables, one after the other."""

import json
import subprocess

from e2e.failure import Failure


def run(options, folder):
    programs = sorted(options.bin.glob("*_bench"))
    if not programs:
        raise Failure(f"there are no *_bench executables in {options.bin}")
    results = {}
    for program in programs:
        out = folder / f"{program.name}.json"
        command = [program, f"--benchmark_filter={options.filter}", "--benchmark_out_format=json"]
        command += [f"--benchmark_out={out}", "--benchmark_counters_tabular=true"]
        print(f"\n{program.name}", flush=True)
        # What it says on stderr is about the machine, which is told apart.
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
            raise Failure(f"{program} failed")
        text = out.read_text()
        results[program.name] = json.loads(text)["benchmarks"] if text else []
    return results
