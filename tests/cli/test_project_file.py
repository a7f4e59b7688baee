"""``syncline.yaml``: what it says, and every mistake in it with its line and its mend."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.calling import edit
from syncline.connectors.businesscentral import connector as businesscentral
from syncline.connectors.rest import connector as rest
from syncline.project import ProjectError, load
from syncline.project.configfile import SCHEMA_FILE
from syncline.project.scaffold import scaffold
from syncline.project.schema import published
from syncline.project.watched import Health, Levels

ONLINE = "https://api.businesscentral.dynamics.com/v2.0/contoso/production/api/v2.0/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project for two systems that ask everyone to sign in."""
    scaffold(tmp_path, businesscentral=ONLINE, customerp="https://erp.example.com", company="CRONUS")
    return tmp_path


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        load(folder)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_new_project_is_right(folder: Path) -> None:
    project = load(folder)
    assert list(project.systems) == ["customerp", "businesscentral"]
    assert sorted(project.flows) == ["contacts", "customers", "orders", "products"]
    order = list(project.flows)
    assert order.index("customers") < order.index("contacts") < order.index("orders")
    assert project.store == f"sqlite:///{folder}/syncline.db"
    assert not (folder / "syncline.db").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("store:", "stor:", "syncline.yaml:3: stor: is not a key known here. Did you mean store?"),
        (
            "    declaration:",
            "    declartion:",
            "syncline.yaml:8: systems.customerp.declartion: is not a key known here. Did you mean declaration?",
        ),
        (
            "connector: rest",
            "connector: rset",
            "syncline.yaml:7: systems.customerp.connector: rset is not known here. Did you mean rest?",
        ),
        (
            "url: https://erp.example.com",
            "url: 8091",
            "syncline.yaml:9: systems.customerp.url: is a whole number, but must be text.",
        ),
        (
            "url: https://erp.example.com",
            "url: erp.example.com",
            (
                "syncline.yaml:9: systems.customerp.url: is not an address. "
                "Write it as https://host/path, without a user or a query."
            ),
        ),
        (
            "/contoso/production/api/v2.0/",
            "/contoso/production/",
            (
                "syncline.yaml:13: systems.businesscentral.url: is not the root of Business Central's API. "
                "Write …/api/v2.0/ as the end of it; docs/configuration.md shows where it is."
            ),
        ),
        (
            "{clientId: BC_CLIENT_ID,",
            "{clintId: BC_CLIENT_ID,",
            (
                "syncline.yaml:15: systems.businesscentral.secrets.clintId: is not a key known here. "
                "Did you mean clientId?"
            ),
        ),
        (
            "{clientId: BC_CLIENT_ID, clientSecret: BC_CLIENT_SECRET}",
            "{clientId: BC_CLIENT_ID}",
            (
                "syncline.yaml:15: systems.businesscentral.secrets: clientId is no sign-in. "
                "Give one of: token; user and password; clientId and clientSecret."
            ),
        ),
        (
            "{token: SYNCLINE_CUSTOMERP_TOKEN}",
            "{user: ERP_USER, password: ERP_PASSWORD}",
            (
                "syncline.yaml:10: systems.customerp.secrets: password, user is no sign-in here: "
                "connectors/customerp.yaml asks for token. Name those, or none where nobody signs in."
            ),
        ),
        ("  customerp:", "  1st:", "syncline.yaml:6: systems.1st: is no name of a system. Use letters"),
        ("flows: flows", "flows: flow", "syncline.yaml:17: flows: the folder flow is not there. Name the folder"),
        ("flows: flows", "flows: connectors/none", "syncline.yaml:17: flows: the folder connectors/none is not there."),
        ("flows: flows", "flows: []", "syncline.yaml:17: flows: names no flow."),
        ("flows: flows", "flows: [flows/none.yaml]", "none.yaml:1: cannot be read: No such file or directory."),
        (
            "sqlite:///syncline.db",
            "mysql://host/syncline",
            "syncline.yaml:3: store: mysql://host/syncline is neither a SQLite file nor a PostgreSQL database. Write ",
        ),
        (
            "declaration: connectors/customerp.yaml",
            "declaration: connectors/erp.yaml",
            "connectors/erp.yaml:1: cannot be read: No such file or directory.",
        ),
        (
            "    company: 'CRONUS'",
            "    limits: {concurrency: 0}",
            "syncline.yaml:14: systems.businesscentral.limits.concurrency: must be at least 1.",
        ),
        (
            "    company: 'CRONUS'",
            "    limits: {requestsPerSecond: -1}",
            "syncline.yaml:14: systems.businesscentral.limits.requestsPerSecond: must be more than 0.",
        ),
        (
            "flows: flows",
            "flows: flows\nhealth: {listen: 8472}",
            "syncline.yaml:18: health.listen: is a whole number, but must be text.",
        ),
        (
            "flows: flows",
            "flows: flows\nhealth: {listen: 'localhost'}",
            "syncline.yaml:18: health.listen: is not a place to listen. Write it as 127.0.0.1:8472.",
        ),
        (
            "flows: flows",
            "flows: flows\nhealth: {failingAfter: 15 min}",
            "syncline.yaml:18: health.failingAfter: is not a span of time. Write a whole number and a unit: 90s, 15m",
        ),
        (
            "flows: flows",
            "flows: flows\nalerts: {lag: ten minutes, webhook: URL}",
            "syncline.yaml:18: alerts.lag: is not a span of time. Write a whole number and a unit",
        ),
        (
            "flows: flows",
            "flows: flows\nalerts: {webhook: URL}",
            "syncline.yaml:18: alerts: names no level. Say one or more of lag, parked and failures.",
        ),
        ("flows: flows", "flows: flows\nalerts: {parked: 9}", "syncline.yaml:18: alerts: tells nobody. Say webhook or"),
        (
            "flows: flows",
            "flows: flows\nalerts: {failures: 0, webhook: URL}",
            "syncline.yaml:18: alerts.failures: must be at least 1.",
        ),
        (
            "flows: flows",
            "flows: flows\nalerts: {parked: 9, for: 1 m, webhook: URL}",
            "syncline.yaml:18: alerts.for: is not a span of time.",
        ),
        (
            "flows: flows",
            "flows: flows\nalerts: {parked: 9, email: {to: ops, from: a@b.example, server: mx.b.example}}",
            "syncline.yaml:18: alerts.email.to: is not an address of mail. Write it as ops@example.com.",
        ),
        (
            "flows: flows",
            "flows: flows\nalerts: {parked: 9, email: {to: a@b.example, from: a@b.example, server: mx, user: USER}}",
            "syncline.yaml:18: alerts.email: needs user and password, or neither.",
        ),
        (
            "flows: flows",
            (
                "flows: flows\nalerts: {parked: 9, email: {to: a@b.example, from: a@b.example, server: mx, "
                "user: USER, password: PASSWORD, startTls: false}}"
            ),
            "syncline.yaml:18: alerts.email.startTls: would send the password for all to read. Leave it true.",
        ),
        ("systems:", "systems", "syncline.yaml:"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_mend(folder: Path, old: str, new: str, told: str) -> None:
    edit(folder / "syncline.yaml", old, new)
    (only,) = mistakes(folder)
    assert only.startswith(told)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder / "syncline.yaml", "store:", "stor:")
    edit(folder / "syncline.yaml", "    declaration:", "    declartion:")
    edit(folder / "syncline.yaml", "    company:", "    compny:")
    edit(folder / "syncline.yaml", "flows: flows", "flows: []")
    places = [told.partition(": is")[0].partition(": names")[0] for told in mistakes(folder)]
    assert places == [
        "syncline.yaml:3: stor",
        "syncline.yaml:8: systems.customerp.declartion",
        "syncline.yaml:14: systems.businesscentral.compny",
        "syncline.yaml:17: flows",
    ]


def test_mistakes_in_all_flow_files_are_told_at_once(folder: Path) -> None:
    edit(folder / "flows" / "customers.yaml", "customerp: customerNo", "customerp: customerNumber")
    edit(folder / "flows" / "products.yaml", "direction:", "dirction:")
    assert [told.partition(":")[0] for told in mistakes(folder)] == ["customers.yaml", "products.yaml"]


def test_a_secret_that_stands_in_the_file_is_not_told_back(folder: Path) -> None:
    edit(folder / "syncline.yaml", "SYNCLINE_CUSTOMERP_TOKEN", "hunter2-hunter2")
    (only,) = mistakes(folder)
    assert only.startswith("syncline.yaml:10: systems.customerp.secrets.token: is not the name of an environment var")
    assert "hunter2" not in only


def test_every_missing_variable_is_told_by_name_and_system(folder: Path) -> None:
    project = load(folder)  # nobody signs in to read what is remembered
    with pytest.raises(ProjectError) as caught:
        project.connectors({"BC_CLIENT_ID": "client", "BC_CLIENT_SECRET": ""})
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        (
            "syncline.yaml:10: systems.customerp.secrets.token: "
            "customerp needs the environment variable SYNCLINE_CUSTOMERP_TOKEN, which is not set. Set it."
        ),
        (
            "syncline.yaml:15: systems.businesscentral.secrets.clientSecret: "
            "businesscentral needs the environment variable BC_CLIENT_SECRET, which is not set. Set it."
        ),
    ]


def test_a_system_that_no_flow_joins_needs_no_secret(folder: Path) -> None:
    spare = "systems:\n  spare:\n    {connector: businesscentral, url: URL, secrets: {token: SPARE}}\n"
    edit(folder / "syncline.yaml", "systems:\n", spare.replace("URL", ONLINE))
    environment = {"SYNCLINE_CUSTOMERP_TOKEN": "t", "BC_CLIENT_ID": "i", "BC_CLIENT_SECRET": "s"}
    assert sorted(load(folder).connectors(environment)) == ["businesscentral", "customerp"]


def test_limits_reach_the_connectors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def central(name: str, *_: object, limits: Any, **_also: object) -> None:
        made[name] = limits

    def other(name: str, declaration: Any, *_: object, **_also: object) -> None:
        made[name] = declaration.limits

    monkeypatch.setattr(businesscentral, "BusinessCentral", central)
    monkeypatch.setattr(rest, "Rest", other)
    edit(folder / "syncline.yaml", "    company: 'CRONUS'", "    limits: {requestsPerSecond: 2, concurrency: 3}")
    edit(folder / "syncline.yaml", "    secrets: {token", "    limits: {requestsPerSecond: 0.5}\n    secrets: {token")
    environment = {"SYNCLINE_CUSTOMERP_TOKEN": "t", "BC_CLIENT_ID": "i", "BC_CLIENT_SECRET": "s"}
    load(folder).connectors(environment)
    central_limits, erp_limits = made["businesscentral"], made["customerp"]
    assert (central_limits.requests, central_limits.seconds, central_limits.concurrency) == (600, 300, 3)
    assert (erp_limits.requests_per_second, erp_limits.concurrency) == (0.5, 8)


def test_how_it_does_is_told_where_it_is_said(folder: Path) -> None:
    assert load(folder).health is None
    edit(folder / "syncline.yaml", "flows: flows", "flows: flows\nhealth: {}")
    assert load(folder).health == Health(host="127.0.0.1", port=8472, failing_after=timedelta(minutes=15))
    edit(folder / "syncline.yaml", "health: {}", "health: {listen: '[::]:80', failingAfter: 90s}")
    assert load(folder).health == Health(host="::", port=80, failing_after=timedelta(seconds=90))


def test_alerts_have_levels_and_go_to_somebody(folder: Path) -> None:
    assert load(folder).alert_secrets({}) == {}
    mail = "{to: [a@b.example], from: c@b.example, server: mx.b.example, user: MX_USER, password: MX_PASSWORD}"
    said = f"alerts: {{lag: 10m, failures: 3, webhook: CHAT, email: {mail}}}"
    edit(folder / "syncline.yaml", "flows: flows", f"flows: flows\n{said}")
    project = load(folder)
    assert project.alerts is not None
    minute = timedelta(minutes=1)
    assert project.alerts.levels == Levels(lag=10 * minute, parked=None, failures=3, lasting=minute)
    assert project.alerts.email is not None
    assert (project.alerts.email.port, project.alerts.email.start_tls) == (587, True)
    environment = {"CHAT": "https://chat.example", "MX_USER": "me", "MX_PASSWORD": "secret", "OTHER": "other"}
    assert project.alert_secrets(environment).keys() == {"CHAT", "MX_USER", "MX_PASSWORD"}
    with pytest.raises(ProjectError) as caught:
        project.alert_secrets({"CHAT": "https://chat.example", "MX_USER": "me"})
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        (
            "syncline.yaml:18: alerts.email.password: "
            "alerts need the environment variable MX_PASSWORD, which is not set. Set it."
        )
    ]


def test_an_address_of_alerts_that_stands_in_the_file_is_not_told_back(folder: Path) -> None:
    said = "alerts: {parked: 9, webhook: 'https://chat.example/hunter2'}"
    edit(folder / "syncline.yaml", "flows: flows", f"flows: flows\n{said}")
    (only,) = mistakes(folder)
    assert only.startswith("syncline.yaml:18: alerts.webhook: is not the name of an environment variable.")
    assert "hunter2" not in only


def test_files_may_be_named_one_by_one(folder: Path) -> None:
    edit(folder / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    assert list(load(folder).flows) == ["products"]


def test_where_there_is_no_project_it_is_told_how_to_make_one(tmp_path: Path) -> None:
    (only,) = mistakes(tmp_path)
    assert only == (
        f"{tmp_path}/syncline.yaml:1: is not there. Name another folder with -C, or make one with: syncline init DIR"
    )


def test_the_published_schema_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_bytes() == published(), "run: python -m syncline.project.schema"
    assert set(msgspec.json.decode(published())["$defs"]["ProjectSaid"]["properties"]) == {
        "store",
        "systems",
        "flows",
        "webhooks",
        "health",
        "alerts",
        "document",
        "accept",
    }
