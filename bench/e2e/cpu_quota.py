"""Holds a process to a share of a core, so that many can be compared on few cores."""

import os
import signal
import threading
import time
from pathlib import Path

PERIOD_US = 50_000
CGROUPS = Path("/sys/fs/cgroup")


class CgroupQuota:
    """A control group of its own: the kernel does it. Version 2, or 1 with a cpu controller."""

    def __init__(self, cores, name):
        version_2 = (CGROUPS / "cgroup.controllers").exists()
        self.folder = (CGROUPS if version_2 else CGROUPS / "cpu") / f"penstock-{os.getpid()}-{name}"
        self.folder.mkdir()
        try:
            quota_us = int(cores * PERIOD_US)
            if version_2:
                self._write("cpu.max", f"{quota_us} {PERIOD_US}")
            else:
                self._write("cpu.cfs_period_us", PERIOD_US)
                self._write("cpu.cfs_quota_us", quota_us)
        except OSError:
            self.folder.rmdir()
            raise

    def _write(self, file, value):
        # Such a file is there or cannot be made.
        with open(self.folder / file, "r+", encoding="ascii") as opened:
            opened.write(str(value))

    def in_child(self):
        """Before the program is executed, so that it sees the limit as its own."""
        self._write("cgroup.procs", os.getpid())

    def started(self, pid):
        pass

    def close(self):
        for _ in range(100):
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.01)  # The kernel is not done with it yet.


class SignalQuota:
    """Without control groups: the process is stopped whenever it has used more than its share, and goes on when
    that has caught up. Right on average; the process does not know of it."""

    LOOK_S = 0.005

    def __init__(self, cores):
        self._cores = cores
        self._pid = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def in_child(self):
        pass

    def started(self, pid):
        self._pid = pid
        self._thread.start()

    def _run(self):
        clock = (~self._pid << 3) | 2  # The process's CPU clock (clock_getcpuclockid).
        stopped = False
        try:
            began, used = time.monotonic(), time.clock_gettime(clock)
            while not self._ended.wait(self.LOOK_S):
                may = (time.monotonic() - began) * self._cores
                over = time.clock_gettime(clock) - used - may
                if (over > 0) != stopped:
                    stopped = over > 0
                    os.kill(self._pid, signal.SIGSTOP if stopped else signal.SIGCONT)
                # What was not used is not saved up.
                if over < -0.05 * self._cores:
                    began, used = time.monotonic(), time.clock_gettime(clock)
            os.kill(self._pid, signal.SIGCONT)
        except OSError:
            pass  # It has ended.

    def close(self):
        self._ended.set()
        if self._pid is not None:
            self._thread.join()


def make_quota(cores, name, kind):
    """`kind` is "auto", "cgroup" or "signals"."""
    if kind != "signals":
        try:
            return CgroupQuota(cores, name)
        except OSError:
            if kind == "cgroup":
                raise
    return SignalQuota(cores)
