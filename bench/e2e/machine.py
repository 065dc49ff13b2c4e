"""What a figure has to be read with: the machine, and the versions of all that ran."""

import datetime
import glob
import os
import platform
import re
import subprocess


def machine():
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _first(r"^model name\s*:\s*(.*)$", "/proc/cpuinfo"),
        "memory_mib": int(_first(r"^MemTotal:\s*(\d+)", "/proc/meminfo") or 0) // 1024,
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def versions(repo, bin_dir, servers=None):
    found = {"commit": _commit(repo), "penstock": _said(bin_dir / "penstock-sink", "--version")}
    if servers:
        found["nats-server"] = _said(f"/proc/{servers.pid('nats')}/exe", "--version")
        found["kafka"] = _kafka(servers.pid("kafka"))
        found["clickhouse"] = servers.query("SELECT version()")
    return found


def _commit(repo):
    commit = _said("git", "-C", repo, "describe", "--always", "--dirty")
    return commit or "not a checkout"


def _kafka(pid):
    """The broker's jar says it, in the folder of its class path."""
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        words = file.read().split("\0")
    folder = words[words.index("-cp") + 1].removesuffix("/*") if "-cp" in words else ""
    jars = glob.glob(f"{folder}/kafka-server-common-*.jar")
    return jars[0].rpartition("-")[2].removesuffix(".jar") if jars else "unknown"


def _said(*command):
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    # "nats-server: v2.9.10", "penstock-sink 0.1.0": the version is the last word.
    return answer.stdout.split()[-1] if answer.returncode == 0 and answer.stdout else ""


def _first(pattern, path):
    with open(path, encoding="utf-8") as file:
        match = re.search(pattern, file.read(), re.MULTILINE)
    return match[1] if match else ""
