"""What monitoring scrapes, as Prometheus names things. Numbers, and names of flows, sides and causes: no personal data.

What the store knows is asked only when somebody scrapes; of passes, which nobody remembers, the counts are kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from syncline.connectors.base import Spends
from syncline.engine.setup import Setup
from syncline.runtime.announcements import Announcements
from syncline.runtime.measures import Measures
from syncline.runtime.staying import Passed

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
_BUSY = (429, 503)


class Metrics:
    """To be told of passes, as `syncline.runtime.staying.Told`; `scraped` gives the text of a scrape. ``known`` is what
    is known anyway.
    """

    def __init__(self, known: Collector) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(known)
        self._passes = self._counter("passes", "Passes, by how they ended.", "outcome")
        for outcome in ("done", "unfinished", "failed"):
            self._passes.labels(outcome)
        self._writes = self._counter("writes", "Records written.", "flow", "side", "verb")
        self._pass_seconds = self._histogram("pass_duration_seconds", "How long a pass took.", "kind")
        self._turn_seconds = self._histogram("turn_duration_seconds", "How long a turn of a pass took.", "flow")

    def scraped(self) -> bytes:
        """In the text format, UTF-8. Raises one of `UNREADABLE` where the store cannot be read."""
        return generate_latest(self._registry)

    def passed(self, passed: Passed) -> None:
        result = passed.result
        self._passes.labels("unfinished" if result.unfinished else "done").inc()
        self._pass_seconds.labels(passed.kind).observe(passed.seconds)
        for flow, seconds in result.turns:
            self._turn_seconds.labels(flow).observe(seconds)
        for flow, tally in result.flows.items():
            for verb, by_side in (("create", tally.created), ("update", tally.updated), ("delete", tally.deleted)):
                for side, number in by_side.items():
                    self._writes.labels(flow, side, verb).inc(number)

    def failed(self, error: Exception, pause: float) -> None:
        self._passes.labels("failed").inc()

    def works_again(self) -> None:
        pass

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"syncline_{name}", about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, *labels: str) -> Histogram:
        return Histogram(f"syncline_{name}", about, labels, registry=self._registry, buckets=_SECONDS)


class Remembered(Collector):
    """What is known anyway of a company, asked when it is scraped."""

    def __init__(self, setup: Setup, announcements: Announcements, measured: Callable[[], Measures]) -> None:
        self._setup = setup
        self._announcements = announcements
        self._measured = measured

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: to register must not ask the store."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily | SummaryMetricFamily]:
        measures = self._measured()
        yield from self._flows(measures)
        yield from self._systems()
        yield gauge("failures_in_a_row", "Passes that failed since one went well.", measures.failures)
        if measures.passed is not None:
            passed = measures.passed.timestamp()
            yield gauge("last_pass_timestamp_seconds", "When a pass last went well, in Unix time.", passed)
        yield gauge("held_properties", "Properties whose edits do not count until a person decides.", measures.held)
        yield calls(self._announcements.heard, self._announcements.refused, self._setup.sides)

    def _flows(self, measures: Measures) -> Iterator[GaugeMetricFamily | SummaryMetricFamily]:
        lag = _gauges("lag_seconds", "For how long the longest due record has been due.", "flow", "side")
        due = _gauges("due_records", "Records that are due, of the 10,001 longest due of the flow.", "flow", "side")
        parked = _gauges("parked_records", "Records that are not worked on, by cause.", "flow", "cause")
        linked = _gauges("linked_records", "Links: records that are the same on all sides.", "flow")
        for name, of in measures.flows.items():
            for side in self._setup.flows[name].sides:
                found = of.due.get(side)
                lag.add_metric((name, side), (measures.at - found.since).total_seconds() if found else 0)
                due.add_metric((name, side), found.records if found else 0)
            for cause, number in of.parked.items():
                parked.add_metric((name, cause), number)
            linked.add_metric((name,), of.linked)
        yield from (lag, due, parked, linked)
        delays = SummaryMetricFamily(
            "syncline_write_delay_seconds",
            "From when an edit was seen until it was written and remembered.",
            labels=("flow",),
        )
        for flow, delayed in self._setup.store.delayed().items():
            delays.add_metric((flow,), delayed.writes, delayed.total.total_seconds())
        yield delays

    def _systems(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        asked = CounterMetricFamily(
            "syncline_requests", "Requests, by status; none is no answer.", labels=("system", "status")
        )
        busy = CounterMetricFamily(
            "syncline_requests_refused", "Requests refused since the system is busy.", labels=("system",)
        )
        limit = _gauges("requests_budget", "How many requests may be sent in a window.", "system")
        left = _gauges("requests_budget_left", "How many of them may still be sent now.", "system")
        window = _gauges("requests_window_seconds", "How long that window is.", "system")
        for side, system in self._setup.systems.items():
            if not isinstance(system, Spends):
                continue
            answered, spent = dict(system.answered), system.spent
            for status, number in sorted(answered.items()):
                asked.add_metric((side, str(status) if status else "none"), number)
            busy.add_metric((side,), sum(answered.get(status, 0) for status in _BUSY))
            if spent.limit is not None:
                limit.add_metric((side,), spent.limit)
                left.add_metric((side,), max(spent.limit - spent.requests, 0))
                window.add_metric((side,), spent.seconds)
        yield from (asked, busy, limit, left, window)


def calls(heard: Mapping[str, int], refused: Mapping[str, int], sides: Iterable[str]) -> CounterMetricFamily:
    """Of systems, by side."""
    counted = CounterMetricFamily("syncline_webhooks", "Calls of systems.", labels=("side", "outcome"))
    for outcome, by_side in (("heard", heard), ("refused", refused)):
        for side in sides:
            counted.add_metric((side, outcome), by_side.get(side, 0))
    return counted


def gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"syncline_{name}", about, value=value)


def _gauges(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"syncline_{name}", about, labels=labels)
