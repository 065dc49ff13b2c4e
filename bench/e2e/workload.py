"""Events in topics, the table for them, and the document between the two."""

import json
import subprocess

from e2e.failure import Failure
from e2e.pipeline import ACCOUNTED, PARTITIONS

ENGINES = {"merge": "mergetree", "null": "null"}
# Those with a transform stage: the events, what happens to them, how many of a hundred are repeats.
WITH_TRANSFORM = {"transform": ("users", "outputs", 0), "dedup": ("users", "dedup", 10)}
WORKLOADS = ["logs", "users", "orders", *WITH_TRANSFORM, "join"]
# What `server-cpu` can compare: each event is a row there.
ONE_ROW_EACH = ["logs", "users", "orders"]


def make(name, bin_dir, servers):
    return JoinWorkload(bin_dir, servers) if name == "join" else Workload(name, bin_dir, servers)


class Workload:
    """One topic into one table."""

    def __init__(self, name, bin_dir, servers):
        self.name = name
        self._has_transform = name in WITH_TRANSFORM
        self._events, self._transforms, self._repeats = WITH_TRANSFORM.get(name, (name, "none", 0))
        self._generate = str(bin_dir / "penstock-generate")
        self._servers = servers

    def produce(self, topic, events, seed, rate=None):
        """Writes the events and returns what the generator said."""
        return self._run(self.producer(topic, events, seed, rate), topic)

    def producer(self, topic, events, seed, rate=None):
        """The command line of that."""
        command = self._producer(topic, self._events, events, seed)
        command += ["--duplicate-percent", str(self._repeats)]
        return command + (["--rate", str(rate)] if rate else [])

    def _producer(self, topic, workload, events, seed):
        command = [self._generate, "--brokers", self._servers.kafka, "--topic", topic, "--create"]
        command += ["--partitions", str(PARTITIONS), "--workload", workload]
        return command + ["--events", str(events), "--seed", str(seed), "--compression", "lz4"]

    def _run(self, command, topic):
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode != 0:
            raise Failure(f"producing to {topic}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    @property
    def stages(self):
        return ("ingestor", "transform", "sink") if self._has_transform else ("ingestor", "sink")

    def events_in(self, events):
        """How many are read."""
        return events

    def rows(self, events):
        """How many of them the sink accounts for."""
        return events

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

    def check_account(self, pages, events):
        """A fast run that lost or repeated something is no result."""
        sink = pages["sink"]
        ingestors = [page for name, page in pages.items() if name.startswith("ingestor")]
        read = sum(page.total("penstock_ingestor_rows_in_total") for page in ingestors)
        letters = [
            page.total(f"penstock_{name.partition('-')[0]}_rows_dead_lettered_total")
            for name, page in pages.items()
        ]
        accounted = sum(sink.total(f"penstock_sink_rows_{of}_total") for of in ACCOUNTED)
        wanted = {
            "read from Kafka": (read, self.events_in(events)),
            "accounted for": (accounted, self.rows(events)),
            "dead letters": (sum(letters), 0),
        }
        wrong = [
            f"{what}: {got:,.0f} instead of {want:,}"
            for what, (got, want) in wanted.items()
            if got != want
        ]
        if wrong:
            raise Failure("the account is wrong: " + "; ".join(wrong))


class JoinWorkload(Workload):
    """Two topics, clicks and accounts, joined by `account_id`; half of the clicks have to wait."""

    def __init__(self, bin_dir, servers):
        super().__init__("join", bin_dir, servers)

    @property
    def stages(self):
        return ("ingestor-clicks", "ingestor-accounts", "join", "sink")

    def events_in(self, events):
        return 2 * events

    def produce(self, topic, events, seed, rate=None):
        said = [
            self._run(
                [*self._producer(f"{topic}-{side}", side, events, seed), "--event-time"], topic
            )
            for side in ("clicks", "accounts")
        ]
        return "\n  ".join(said)

    def delete_topic(self, topic):
        for side in ("clicks", "accounts"):
            super().delete_topic(f"{topic}-{side}")

    def create_table(self, table, engine):
        self._servers.query(f"DROP TABLE IF EXISTS {table} SYNC")
        engines = {
            "null": "Null",
            "merge": "MergeTree ORDER BY event_id "
            "SETTINGS non_replicated_deduplication_window = 10000",
        }
        self._servers.query(
            f"CREATE TABLE {table} (event_id UUID, account_id Int64, page String, name String, "
            f"email String) ENGINE = {engines[engine]}"
        )

    def document(self, pipeline_id, topic, table, max_delay=None):
        host, port, user, password = self._servers.clickhouse
        fields = {
            "clicks": {"event_id": "string", "account_id": "int64", "page": "string"},
            "accounts": {"account_id": "int64", "name": "string", "email": "string"},
        }
        outputs = [("clicks", "event_id"), ("clicks", "account_id"), ("clicks", "page")]
        outputs += [("accounts", "name"), ("accounts", "email")]
        side = {"key": "account_id", "time_window": "1h"}
        document = {
            "version": "v3",
            "pipeline_id": pipeline_id,
            "sources": [
                {
                    "type": "kafka",
                    "source_id": source,
                    "topic": f"{topic}-{source}",
                    "connection_params": {
                        "brokers": [self._servers.kafka],
                        "protocol": "PLAINTEXT",
                        "mechanism": "NO_AUTH",
                    },
                    "schema_fields": [{"name": n, "type": t} for n, t in fields[source].items()],
                }
                for source in fields
            ],
            "join": {
                "enabled": True,
                "type": "temporal",
                "left_source": {"source_id": "clicks", **side},
                "right_source": {"source_id": "accounts", **side},
                "output_fields": [{"source_id": s, "name": n} for s, n in outputs],
            },
            "sink": {
                "type": "clickhouse",
                "connection_params": {
                    "host": host,
                    "http_port": int(port),
                    "database": "default",
                    "username": user,
                    "password": password,
                },
                "table": table,
                "max_delay_time": max_delay or "1s",
                "mapping": [{"name": name, "column_name": name} for _, name in outputs],
            },
        }
        return json.dumps(document, indent=1)
