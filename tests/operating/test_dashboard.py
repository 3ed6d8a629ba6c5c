"""Dashboard and alerts, whose series and labels a running instance exports."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client import parser

from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import servers
from tests.support.sockets import Client
from tests.support.waiting import eventually

OPS = Path(__file__).parents[2] / "ops"
DASHBOARD = json.loads((OPS / "grafana" / "communities.json").read_text())
ALERTS = yaml.safe_load((OPS / "prometheus" / "alerts.yaml").read_text())
PROMETHEUS = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
# Series that Prometheus adds, with the labels that it adds to every series.
PROMETHEUS_SERIES = {"up": {"job", "instance"}}


@dataclass
class Query:
    """Metrics of an expression, with the labels that select or group them."""

    metrics: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, expression: str) -> "Query":
        query = cls()
        tree = promql_parser.parse(expression.replace("$__rate_interval", "5m"))
        query._visit(tree, set())
        return query

    def _visit(self, node: Any, grouped: set[str]) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped = grouped | set(node.modifier.labels)
        if isinstance(node, promql_parser.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name is not None
            labels = {matcher.name for matcher in node.matchers.matchers}
            self.metrics.setdefault(node.name, set()).update(labels | grouped)
        for name in ("expr", "lhs", "rhs"):
            if (child := getattr(node, name, None)) is not None:
                self._visit(child, grouped)
        for child in getattr(node, "args", None) or ():
            self._visit(child, grouped)


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


@pytest.fixture
async def exported(
    run_service: ServiceFactory, run_worker: WorkerFactory, tmp_path: Path
) -> dict[str, set[str]]:
    """Returns the labels of every series of an instance with some activity."""
    (tmp_path / "metrics").mkdir()
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    service = run_service(**shared)
    for name in ("relay", "indexer", "sweeper"):
        run_worker(name, **shared)
    user = uuid.uuid4()
    with service.client(user) as client:
        body = {"name": "A group", "visibility": "public"}
        group_id = client.post("/groups", json=body).json()["id"]
        async with Client(service.origin, f"/groups/{group_id}", service.token(user)) as listener:
            client.post(f"/groups/{group_id}/posts", json={"body": "Hi"})
            await listener.receives("post.created")
    wanted = {name for one in expressions() for name in Query.parse(one).metrics} - set(
        PROMETHEUS_SERIES
    )
    eventually(lambda: _series(service).keys() >= wanted)
    return _series(service)


def _series(service: servers.Service) -> dict[str, set[str]]:
    text = httpx.get(f"{service.origin}/metrics").text
    found: dict[str, set[str]] = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def test_every_expression_names_exported_series_and_labels(
    exported: dict[str, set[str]],
) -> None:
    for expression in expressions():
        for name, labels in Query.parse(expression).metrics.items():
            known = {**exported, **PROMETHEUS_SERIES}
            assert name in known, expression
            assert labels <= known[name], expression


def test_parsed_expression_has_its_metrics_and_labels() -> None:
    query = Query.parse('max by (a) (min_over_time(sum(rate(x{b="1"}[5m]))[5m:15s])) / y{c!="2"}')
    assert query.metrics == {"x": {"a", "b"}, "y": {"c"}}


def test_every_legend_names_a_label_of_its_query() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            labels = {
                label for found in Query.parse(target["expr"]).metrics.values() for label in found
            }
            for part in target["legendFormat"].split("{{")[1:]:
                assert part.partition("}}")[0] in labels, target


def test_every_alert_has_a_severity_a_summary_and_a_description() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_example_configuration_scrapes_every_process_and_loads_the_alerts() -> None:
    compose = yaml.safe_load((OPS.parent / "compose.yaml").read_text())["services"]
    (job,) = PROMETHEUS["scrape_configs"]
    assert job["job_name"] == "communities"
    targets = dict(target.split(":") for target in job["static_configs"][0]["targets"])
    assert targets == {
        "api": "8000",
        **{
            name: service["environment"]["METRICS_PORT"]
            for name, service in compose.items()
            if "METRICS_PORT" in service.get("environment", {})
        },
    }
    assert PROMETHEUS["rule_files"] == ["alerts.yaml"]
