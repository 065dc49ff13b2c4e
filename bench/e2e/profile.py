"""Where the stages spend their CPU time, by perf (Debian package linux-perf; as root)."""

import collections
import re
import shutil
import signal
import subprocess

from e2e.failure import Failure

# A line of `perf script`: pid, address, function, (library).
_SAMPLE = re.compile(r"^\s*(\d+)\s+[0-9a-f]+ (.*) \((.*)\)$")


class Profile:
    """Samples the machine while the `with` block lasts; write() tells processes apart."""

    def __init__(self, folder):
        if not shutil.which("perf"):
            raise Failure("--profile needs perf: apt-get install linux-perf")
        self._folder = folder
        self._data = folder / "perf.data"
        # The whole machine: by process, threads that start while perf attaches would be missing.
        self._perf = subprocess.Popen(
            ["perf", "record", "-q", "-a", "-F", "999", "-o", self._data],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._perf.send_signal(signal.SIGINT)
        self._perf.wait()

    def write(self, pids):
        """<name>.profile.txt for each, and the heads of them on the terminal."""
        samples = self._samples(set(pids.values()))
        for name, pid in pids.items():
            libraries = _shares(library for library, _ in samples[pid])
            functions = _shares(f"{function}  {library}" for library, function in samples[pid])
            file = self._folder / f"{name}.profile.txt"
            file.write_text("\n".join(libraries + [""] + functions) + "\n")
            print(f"{name}: where CPU time goes ({file})")
            head = libraries[:6] + [""] + functions[:14]
            print("\n".join("  " + line for line in head), flush=True)

    def _samples(self, pids):
        """Pid → (library, function) of each sample; what has no symbol is one function."""
        samples = {pid: [] for pid in pids}
        command = ["perf", "script", "-i", self._data, "-F", "pid,ip,sym,dso"]
        answer = subprocess.run(command, capture_output=True, text=True)
        for line in answer.stdout.splitlines():
            match = _SAMPLE.match(line)
            if match and int(match[1]) in samples:
                library = match[3].rpartition("/")[2]
                samples[int(match[1])].append((library, match[2].replace("[unknown]", "?")))
        return samples


def _shares(names):
    counts = collections.Counter(names)
    total = max(1, counts.total())
    shares = [(count / total, name) for name, count in counts.most_common()]
    return [f"{share:6.1%}  {name}" for share, name in shares if share >= 0.003]
