"""Penstock's processes, each started plainly so that each is measured by itself."""

import signal
import subprocess
import time
from pathlib import Path

from e2e.failure import Failure
from e2e.metrics import Source
from e2e.process_use import read_use

PARTITIONS = 12
STATEFUL = ("transform", "join")
ACCOUNTED = ("out", "filtered", "duplicate")


class Stage:
    """A running service with its log and metrics in a folder."""

    def __init__(self, name, bin_dir, document, nats, folder, replica=None, quota=None):
        """`name` is of the program penstock-NAME, or NAME-SOURCE where each source has one. `replica` is the name
        under which it shares the work with others, `quota` what holds it to a share of a core."""
        program, _, source = name.partition("-")
        self.name = name if replica is None else replica
        self.log = folder / f"{self.name}.log"
        self._port_file = folder / f"{self.name}.port"
        self._port_file.unlink(missing_ok=True)
        self._source = None
        self._quota = quota
        with open(self.log, "wb") as log:
            state = folder / ("state" if replica is None else f"state-{replica}")
            more = ["--state-dir", state] if program in STATEFUL else []
            more += ["--source", source] if source else []
            if replica is not None and program != "ingestor":
                more += ["--replica-name", replica]
            self.process = subprocess.Popen(
                [bin_dir / f"penstock-{program}", "--pipeline", document, "--nats", nats, "--listen", "127.0.0.1:0"]
                + ["--port-file", self._port_file, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=quota.in_child if quota else None,
            )
        if quota:
            quota.started(self.process.pid)

    @property
    def pid(self):
        return self.process.pid

    def use(self):
        return read_use(self.pid)

    def scrape(self):
        self.check()
        return self._source.scrape()

    def ready(self):
        self.check()
        return self._source.ready()

    def wait_until_serving(self, limit_s=30):
        end = time.monotonic() + limit_s
        while not self._port_file.exists():
            self.check()
            if time.monotonic() > end:
                raise Failure(f"{self.name} wrote no port file within {limit_s} s: {self.tail()}")
            time.sleep(0.005)
        self._source = Source(int(self._port_file.read_text()))

    def check(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}: {self.tail()}")

    def tail(self):
        lines = self.log.read_text(errors="replace").splitlines()[-8:]
        return "\n".join([f"the end of {self.log}:"] + ["    " + line for line in lines])

    def stop(self, limit_s=40):
        """Asks it to drain; returns how many seconds that took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failure(
                    f"{self.name} did not stop within {limit_s} s: {self.tail()}"
                ) from None
        return time.monotonic() - began

    def kill(self):
        """Ends it as it is: whoever comes next does what is left."""
        self.process.kill()
        self.process.wait()
        if self._quota:
            self._quota.close()


class Pipeline:
    """All stages of one pipeline; stopped when the `with` block is left."""

    def __init__(self, bin_dir, document, nats, folder, stages):
        self._parts = (bin_dir, document, nats, Path(folder))
        self._names = stages
        self.stages = {}

    def __enter__(self):
        bin_dir, document, nats, folder = self._parts
        try:
            # The sink first: nothing then waits for it.
            for name in reversed(self._names):
                self.stages[name] = Stage(name, bin_dir, document, nats, folder)
            for stage in self.stages.values():
                stage.wait_until_serving()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _stop(self):
        # The ingestor first: the others then drain what is in the streams.
        for name in self._names:
            if name in self.stages:
                self.stages[name].stop()

    def __getitem__(self, name):
        return self.stages[name]

    def confirmed(self):
        """Rows that are in ClickHouse, filtered out or duplicates, and recorded as such."""
        page = self["sink"].scrape()
        return int(sum(page.total(f"penstock_sink_rows_{of}_total") for of in ACCOUNTED))

    def all_partitions_assigned(self):
        page = self["ingestor"].scrape()
        return page.total("penstock_kafka_assigned_partitions") == PARTITIONS

    def no_lag(self):
        """Kafka has every offset of every partition committed, which here means: confirmed."""
        for name in self.ingestors():
            lags = self[name].scrape().samples("penstock_kafka_lag_rows")
            if len(lags) != PARTITIONS or any(value != 0 for _, value in lags):
                return False
        return True

    def ingestors(self):
        return [name for name in self._names if name.startswith("ingestor")]

    def rows_read(self):
        pages = [self[name].scrape() for name in self.ingestors()]
        return sum(page.total("penstock_ingestor_rows_in_total") for page in pages)


def wait_for(condition, what, pipeline, period_s, limit_s):
    """Polls until `condition()`, each `period_s` (a number, or a function that says it); a failure shows
    what the stages last said."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            tails = "\n".join(stage.tail() for stage in pipeline.stages.values())
            raise Failure(f"{what}: not within {limit_s} s\n{tails}")
        time.sleep(period_s() if callable(period_s) else period_s)
