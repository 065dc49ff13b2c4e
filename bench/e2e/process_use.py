"""CPU time and memory of a process, from /proc."""

import os
from dataclasses import dataclass

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclass(frozen=True)
class Use:
    """What a process has used. CPU in seconds, to 10 ms; threads that have ended count too."""

    user: float
    system: float
    peak_bytes: int

    @property
    def cpu(self):
        return self.user + self.system

    def since(self, earlier):
        return Use(self.user - earlier.user, self.system - earlier.system, self.peak_bytes)


def read_use(pid):
    # The second field is the program's name and may hold blanks and brackets.
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return Use(
        user=int(fields[11]) / TICKS_PER_SECOND,
        system=int(fields[12]) / TICKS_PER_SECOND,
        peak_bytes=_peak_bytes(pid),
    )


def forget_peak(pid):
    """From now on the peak is counted anew; without the right to that, the old one stays."""
    try:
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass


def _peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
