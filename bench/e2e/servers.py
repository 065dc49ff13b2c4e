"""The real servers that a benchmark runs against (deploy/local/stack)."""

import json
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from e2e.failure import Failure
from e2e.process_use import forget_peak, read_use

SERVERS = ("nats", "kafka", "clickhouse")


class Servers:
    """A stack in a folder of its own: started when it is down, and then stopped at the end."""

    def __init__(self, repo, folder):
        self._stack = [str(repo / "deploy/local/stack")]
        self._dir = ["--dir", str(folder)]
        self._started = False
        self._env = {}

    def __enter__(self):
        status = subprocess.run(self._stack + ["status"] + self._dir, capture_output=True)
        self._started = status.returncode != 0
        if self._started:
            print("starting the servers", flush=True)
            up = subprocess.run(self._stack + ["up", "--free-ports"] + self._dir)
            if up.returncode != 0:
                raise Failure(f"the servers did not start (deploy/local/stack up, {self._dir[1]})")
        env = subprocess.run(
            self._stack + ["env"] + self._dir, capture_output=True, text=True, check=True
        )
        words = [word for line in env.stdout.splitlines() for word in shlex.split(line)]
        self._env = dict(word.split("=", 1) for word in words if "=" in word)
        return self

    def __exit__(self, *_):
        if self._started:
            subprocess.run(self._stack + ["down"] + self._dir, stdout=subprocess.DEVNULL)

    @property
    def kafka(self):
        return self._env["PENSTOCK_KAFKA"]

    @property
    def nats(self):
        return self._env["PENSTOCK_NATS"]

    @property
    def clickhouse(self):
        """Host, port, user and password."""
        names = ("HOST", "PORT", "USER", "PASSWORD")
        return tuple(self._env["PENSTOCK_CLICKHOUSE_" + name] for name in names)

    def pid(self, server):
        return int(self._env[f"PENSTOCK_{server.upper()}_PID"])

    def uses(self):
        return {server: read_use(self.pid(server)) for server in SERVERS}

    def settle(self, limit_s=30):
        """Waits until the servers are done with what came before; then their peaks count anew."""
        end = time.monotonic() + limit_s
        busy = True
        while busy and time.monotonic() < end:
            before = self.uses()
            time.sleep(0.5)
            after = self.uses()
            busy = any(after[name].cpu - before[name].cpu > 0.03 for name in SERVERS)
        for server in SERVERS:
            forget_peak(self.pid(server))

    def query(self, sql):
        return self.post("", sql.encode()).decode().strip()

    def post(self, sql, body):
        """A query whose data (or, without one, whose text) is the body; the answer's bytes."""
        host, port, user, password = self.clickhouse
        request = urllib.request.Request(
            f"http://{host}:{port}/?wait_end_of_query=1&query={urllib.parse.quote(sql)}",
            data=body,
            headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": password},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Failure(f"ClickHouse: {error.read().decode().strip()}") from error

    def delete_streams(self, pipeline_id):
        """A pipeline's streams and key-value bucket: what they reserve would add up over runs."""
        with _NatsApi(self.nats) as nats:
            for name in nats.streams():
                if (
                    name.startswith(f"PENSTOCK-{pipeline_id}-")
                    or name == f"KV_penstock-{pipeline_id}"
                ):
                    nats.request(f"STREAM.DELETE.{name}")


class _NatsApi:
    """As much of NATS's protocol as deleting streams takes."""

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self._lines = self._socket.makefile("rb")

    def __enter__(self):
        self._lines.readline()  # INFO
        self._socket.sendall(b'CONNECT {"verbose":false}\r\nSUB bench-inbox 1\r\n')
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def request(self, subject):
        self._socket.sendall(f"PUB $JS.API.{subject} bench-inbox 0\r\n\r\n".encode())
        while True:
            line = self._lines.readline()
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                body = self._lines.read(int(line.split()[-1]) + 2)
                return json.loads(body)
            elif not line or line.startswith(b"-ERR"):
                raise Failure(f"NATS: {line.decode().strip() or 'the connection ended'}")

    def streams(self):
        return self.request("STREAM.NAMES").get("streams") or []
