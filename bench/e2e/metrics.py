"""The /metrics page of a service, and quantiles of its histograms."""

import http.client
import re

_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    """One scrape: samples by name, each with its labels and its value."""

    def __init__(self, text):
        self.text = text
        self._samples = {}
        for line in text.splitlines():
            match = _LINE.match(line)
            if match:
                labels = dict(_LABEL.findall(match[2] or ""))
                self._samples.setdefault(match[1], []).append((labels, float(match[3])))

    def samples(self, name):
        return self._samples.get(name, [])

    def total(self, name):
        """The sum over all label sets; 0 when there are none."""
        return sum(value for _, value in self.samples(name))

    def buckets(self, name):
        """Upper bound → samples at or below it, over all label sets."""
        counts = {}
        for labels, value in self.samples(name + "_bucket"):
            bound = float(labels["le"])
            counts[bound] = counts.get(bound, 0) + value
        return counts

    def mean(self, name):
        count = self.total(name + "_count")
        return self.total(name + "_sum") / count if count else None


class Source:
    """Scrapes one service over a connection that stays open."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def scrape(self):
        return Page(self._get("/metrics")[1])

    def ready(self):
        return self._get("/readyz")[0] == 200

    def _get(self, path):
        try:
            return self._get_once(path)
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()
            return self._get_once(path)

    def _get_once(self, path):
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()


def quantile(share, later, earlier=None):
    """Of the samples between two scrapes' buckets; linear within a bucket. None: no samples."""
    counts = {bound: count - (earlier or {}).get(bound, 0) for bound, count in later.items()}
    total = counts.get(float("inf"), 0)
    if total <= 0:
        return None
    wanted, low, below = share * total, 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return None


def share_within(bound, later, earlier=None):
    """The share of samples at or below a bound; None where that is no bucket."""
    earlier = earlier or {}
    total = later.get(float("inf"), 0) - earlier.get(float("inf"), 0)
    if bound not in later or total <= 0:
        return None
    return (later[bound] - earlier.get(bound, 0)) / total
