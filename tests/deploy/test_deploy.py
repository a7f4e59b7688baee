"""What runs it on a server, as far as it can be tried without Docker: it names what there is, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from ruamel.yaml import YAML

from syncline import yamlfile
from syncline.cli.failing import Exit
from syncline.cli.root import root
from syncline.listening import Place, listening
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.runtime.answering import create_app
from syncline.runtime.course import Course
from syncline.runtime.health import unreadable
from syncline.runtime.staying import GRACE
from syncline.store.address import PostgresSchema, parse

TOP = Path(__file__).parents[2]
DOCKERFILE = (TOP / "Dockerfile").read_text()
COMPOSE = TOP / "compose.yaml"
FLEET = (TOP / "compose.fleet.yaml").read_text()
UNIT = (TOP / "deploy" / "syncline.service").read_text()
ENVIRONMENT = (TOP / "deploy" / "syncline.env.example").read_text()
ONLINE = "https://api.businesscentral.dynamics.com/v2.0/contoso/production/api/v2.0/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scaffold(tmp_path, businesscentral=ONLINE, customerp="https://erp.example.com", company="CRONUS")
    return tmp_path


def service() -> dict[str, Any]:
    found: dict[str, Any] = yamlfile.read(COMPOSE).data["services"]["syncline"]
    return found


def said(name: str) -> list[str]:
    """The values of a key of the unit."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def instruction(name: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile, lines that go on joined."""
    return re.findall(rf"^\s*{name} (.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def understood(arguments: list[str]) -> None:
    """The command line takes these. Raises `click.UsageError`."""
    with root.make_context("syncline", arguments, resilient_parsing=False) as context:
        name, command, rest = root.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert command is not None
        assert isinstance(command.make_context(name, rest, parent=context), click.Context)


def test_the_image_is_made_of_what_there_is() -> None:
    copied = [each.split()[:-1] for each in instruction("COPY") if not each.startswith("--from")]
    sources = [source for each in copied for source in each]
    assert sources
    assert all((TOP / source).exists() for source in sources)
    let_through = {line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(sources) == let_through


def test_the_image_runs_as_nobody_special_and_what_it_runs_is_a_command() -> None:
    assert instruction("USER") == ["syncline"]
    (entry,), (arguments,) = instruction("ENTRYPOINT"), instruction("CMD")
    assert msgspec.json.decode(entry) == ["syncline"]
    understood(msgspec.json.decode(arguments))


async def test_the_image_is_healthy_while_the_process_works() -> None:
    (said,) = instruction("HEALTHCHECK")
    python, *arguments = msgspec.json.decode(said.partition("CMD ")[2])
    assert python == "python"
    assert "127.0.0.1:8472/health/live" in arguments[-1]  # where `health: {}` answers
    app = create_app(lambda: unreadable(Course()), lambda: b"")
    async with listening(app, Place(port=0)) as at:
        arguments[-1] = arguments[-1].replace("http://127.0.0.1:8472/", at)
        assert await _exit_code(arguments) == 0
    assert await _exit_code(arguments) != 0


async def _exit_code(arguments: list[str]) -> int:
    import asyncio

    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=subprocess.DEVNULL)
    return await process.wait()


def test_what_is_installed_is_what_was_tested() -> None:
    def pinned(file: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (TOP / file).read_text(), re.MULTILINE))

    tested, installed = pinned("requirements.txt"), pinned("deploy/requirements.txt")
    assert installed.items() <= tested.items(), "run: make lock"
    wanted = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[>\[]", each)[0].replace(".", "-") for each in wanted}
    assert names <= installed.keys(), "run: make lock"


def test_compose_says_where_everything_is(folder: Path) -> None:
    compose = service()
    assert (TOP / compose["build"] / "Dockerfile").is_file()
    assert compose["volumes"] == ["${SYNCLINE_PROJECT:-./project}:/project:ro", "remembered:/data"]
    assert instruction("WORKDIR")[-1] == "/project"
    assert instruction("VOLUME") == ["/data"]
    assert list(yamlfile.read(COMPOSE).data["volumes"]) == ["remembered"]
    comment = re.findall(r"^#     (store|health|webhooks)(: .*)$", COMPOSE.read_text(), re.MULTILINE)
    settings = [f"{key}{value.split('     ')[0].replace('…', 'example.com')}" for key, value in comment]
    file = folder / "syncline.yaml"
    file.write_text("\n".join([*settings, file.read_text().replace("store: sqlite:///syncline.db\n", "")]))
    project = load(folder)
    assert project.store == "sqlite:////data/syncline.db"
    assert project.health is not None
    assert project.webhooks is not None
    assert {project.health.host, project.webhooks.host} == {"0.0.0.0"}
    ports = [f"127.0.0.1:{each.port}:{each.port}" for each in (project.webhooks, project.health)]
    assert compose["ports"] == ports
    assert float(compose["stop_grace_period"].removesuffix("s")) > GRACE


def test_the_workers_of_the_fleet_run_commands_on_a_queue_that_is_there() -> None:
    services = YAML(typ="safe", pure=True).load(FLEET)["services"]
    workers = {name: each for name, each in services.items() if name != "postgres"}
    for worker in workers.values():
        address = parse(worker["environment"]["SYNCLINE_QUEUE"])
        assert isinstance(address, PostgresSchema)
        assert address.url.host in services
        assert address.url.username == services["postgres"]["environment"]["POSTGRES_USER"]
        assert address.url.database == services["postgres"]["environment"]["POSTGRES_DB"]
        understood([each.replace("/project", str(TOP)) for each in [*worker["command"], "--queue", str(address)]])
        assert worker["volumes"][0].endswith(":/project:ro")
        assert float(worker["stop_grace_period"].removesuffix("s")) > GRACE
    heard = [worker["command"] for worker in workers.values() if "--webhooks" in worker["command"]]
    assert len(heard) == 1
    assert [f"127.0.0.1:{port}:{port}" for port in (8471, 8472)] == workers["hearing"]["ports"]
    comment = re.findall(r"^#     (store|webhooks)", FLEET, re.MULTILINE)
    assert comment == ["store", "webhooks"]


def test_the_unit_runs_a_command_and_is_not_restarted_where_that_mends_nothing() -> None:
    (start,) = said("ExecStart")
    program, *arguments = start.split()
    assert program == "/opt/syncline/bin/syncline"
    understood([each.replace("/etc/syncline", str(TOP)) for each in arguments])
    assert said("RestartPreventExitStatus") == [f"{Exit.MISTAKE:d} {Exit.NO_SYSTEM:d}"]
    assert float(said("TimeoutStopSec")[0]) > GRACE
    assert said("ProtectSystem") == ["strict"]
    assert said("NoNewPrivileges") == ["yes"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """But for the program and the user, which this machine has not."""
    unit = tmp_path / "syncline.service"
    unit.write_text(UNIT.replace("/opt/syncline/bin/syncline", "/bin/true").replace("User=syncline", "User=root"))
    asked = ["systemd-analyze", "verify", str(unit)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_example_of_secrets_names_those_that_a_new_project_needs(tmp_path: Path) -> None:
    made = scaffold(tmp_path, businesscentral=ONLINE, customerp="https://erp.example.com", company=None)
    assert set(made.variables) <= set(re.findall(r"^(\w+)=$", ENVIRONMENT, re.MULTILINE))
