"""Events in a topic, the table for them, and the document between the two."""

import subprocess

from e2e.failure import Failure
from e2e.pipeline import PARTITIONS

ENGINES = {"merge": "mergetree", "null": "null"}
# Those with a transform stage: the events, what happens to them, how many of a hundred are repeats.
WITH_TRANSFORM = {"transform": ("users", "outputs", 0), "dedup": ("users", "dedup", 10)}
WORKLOADS = ["logs", "users", "orders", *WITH_TRANSFORM]


class Workload:
    def __init__(self, name, bin_dir, servers):
        self.name = name
        self.transforms = name in WITH_TRANSFORM
        self._events, self._transforms, self._repeats = WITH_TRANSFORM.get(name, (name, "none", 0))
        self._generate = str(bin_dir / "penstock-generate")
        self._servers = servers

    def produce(self, topic, events, seed, rate=None):
        """Writes the events and returns what the generator said."""
        answer = subprocess.run(
            self.producer(topic, events, seed, rate), capture_output=True, text=True
        )
        if answer.returncode != 0:
            raise Failure(f"producing to {topic}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def producer(self, topic, events, seed, rate=None):
        """The command line of that."""
        command = [self._generate, "--brokers", self._servers.kafka, "--topic", topic, "--create"]
        command += ["--partitions", str(PARTITIONS), "--workload", self._events]
        command += ["--duplicate-percent", str(self._repeats)]
        command += ["--events", str(events), "--seed", str(seed), "--compression", "lz4"]
        return command + (["--rate", str(rate)] if rate else [])

    @property
    def stages(self):
        return ("ingestor", "transform", "sink") if self.transforms else ("ingestor", "sink")

    def delete_topic(self, topic):
        command = [self._generate, "--brokers", self._servers.kafka, "--topic", topic, "--delete"]
        subprocess.run(command, capture_output=True)

    def create_table(self, table, engine):
        self._servers.query(f"DROP TABLE IF EXISTS {table} SYNC")
        self._servers.query(self._print("table", "--table", table, "--engine", ENGINES[engine]))

    def document(self, pipeline_id, topic, table, max_delay=None):
        host, port, user, password = self._servers.clickhouse
        arguments = ["--pipeline-id", pipeline_id, "--topic", topic, "--table", table]
        arguments += ["--brokers", self._servers.kafka, "--clickhouse-host", host]
        arguments += ["--clickhouse-port", port, "--user", user, "--password", password]
        return self._print(
            "pipeline", *arguments, *(["--max-delay", max_delay] if max_delay else [])
        )

    def _print(self, what, *arguments):
        command = [self._generate, "--print", what, "--workload", self._events, *arguments]
        if what == "pipeline":
            command += ["--transforms", self._transforms]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
