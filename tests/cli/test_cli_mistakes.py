"""Whatever is wrong in the project's files: exit code 2, one clear message, and neither system hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import Systems, call, edit

COMMANDS = ["plan", "sync", "run", "verify", "apply", "status", "links", "parked", "history"]


def refused(systems: Systems, project: Path, *command: str) -> str:
    """The message of a command that must end before anything is sent."""
    before = systems.requests
    called = call(project, *command, environment={"NOT_SET": None})
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith("Error: ")
    assert "Traceback" not in called.err
    assert systems.requests == before
    assert not (project / "syncline.db").exists()
    return called.err.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "syncline.yaml",
            "systems:",
            "sytems:",
            "syncline.yaml:5: sytems: is not a key known here. Did you mean systems?",
        ),
        (
            "syncline.yaml",
            "flows: flows",
            "flows: 4",
            "syncline.yaml:19: flows: is a whole number, but must be text or a list.",
        ),
        (
            "syncline.yaml",
            "declaration: connectors/customerp.yaml",
            "declaration: connectors/gone.yaml",
            "connectors/gone.yaml:1: cannot be read: No such file or directory.",
        ),
        (
            "connectors/customerp.yaml",
            "signIn:",
            "singIn:",
            "connectors/customerp.yaml:6: singIn: is not a key known here. Did you mean signIn?",
        ),
        (
            "flows/customers.yaml",
            "direction: <-",
            "directon: <-",
            (
                "customers.yaml:44: properties.balanceDue.directon: is neither a side nor a key known here. "
                "Did you mean direction?"
            ),
        ),
        (
            "syncline.yaml",
            "flows: flows",
            "flows: [flows/customers.yaml, flows/customer.yaml]",
            "customer.yaml:1: cannot be read: No such file or directory.",
        ),
        (
            "flows/customers.yaml",
            "businesscentral: displayName",
            "businesscentral: displyName",
            (
                "customers.yaml:12: properties.name.businesscentral: businesscentral has no 'displyName' in customers. "
                "Did you mean displayName?"
            ),
        ),
        (
            "flows/products.yaml",
            "match:",
            "mach:",
            "products.yaml:7: mach: is not a key known here. Did you mean match?",
        ),
        (
            "flows/customers.yaml",
            "businesscentral: balanceDue,",
            "businesscentral: {path: balanceDue, lens: country},",
            (
                "customers.yaml:44: properties.balanceDue.businesscentral.lens: country is about text, "
                "and businesscentral's balanceDue is Decimal."
            ),
        ),
    ],
)
def test_a_mistake_ends_it_before_anything_is_sent(
    systems: Systems, project: Path, file: str, old: str, new: str, told: str
) -> None:
    edit(project / file, old, new)
    message = refused(systems, project, "sync")
    assert message.startswith(told)
    assert len(message.splitlines()) == 1


def test_a_side_that_is_no_configured_system_is_told_in_every_flow(systems: Systems, project: Path) -> None:
    edit(project / "syncline.yaml", "  businesscentral:\n", "  bc:\n")
    told = refused(systems, project, "sync").splitlines()
    assert [line.partition(":")[0] for line in told] == [
        "contacts.yaml",
        "customers.yaml",
        "orders.yaml",
        "products.yaml",
    ]
    assert all("no system is called businesscentral. Known here: bc, customerp." in line for line in told)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_it_alike(systems: Systems, project: Path, command: str) -> None:
    edit(project / "syncline.yaml", "systems:", "sytems:")
    reviewed = project / "plan.json"
    reviewed.write_text('{"made": "2026-01-01T00:00:00Z", "systems": {}, "rows": []}')
    arguments = {"apply": [str(reviewed)], "history": ["10000"]}.get(command, [])
    message = refused(systems, project, command, *arguments)
    assert message == "syncline.yaml:5: sytems: is not a key known here. Did you mean systems?"


def test_a_missing_variable_is_asked_for_only_where_somebody_signs_in(systems: Systems, project: Path) -> None:
    config = project / "syncline.yaml"
    edit(config, "    # secrets: {token: SYNCLINE_CUSTOMERP_TOKEN}", "    secrets: {token: NOT_SET}")
    told = "customerp needs the environment variable NOT_SET, which is not set. Set it."
    for command in ("sync", "plan", "verify", "run"):
        assert refused(systems, project, command) == f"syncline.yaml:11: systems.customerp.secrets.token: {told}"
    assert call(project, "status", environment={"NOT_SET": None}).code == 0


def test_a_store_that_is_none(systems: Systems, project: Path) -> None:
    (project / "syncline.db").write_text("this is no database, but some text that somebody keeps here\n" * 9)
    before = systems.requests
    called = call(project, "sync")
    assert called.code == 2
    assert "syncline.db" in called.err
    assert systems.requests == before


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    called = call(tmp_path, "sync")
    assert called.code == 2
    assert called.err == (
        f"Error: {tmp_path}/syncline.yaml:1: is not there. "
        "Name another folder with -C, or make one with: syncline init DIR\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stauts"], "There is no command 'stauts'. Did you mean status?"),
        (["links", "--flow", "custmers"], "no flow is called custmers; there are: customers"),
        (["parked", "--cause", "tired"], "tired is no cause; causes are: waiting, refused"),
        (["parked", "retry"], "Name the records to retry, or say --all."),
        (["parked", "retry", "--all", "one"], "Name the records to retry, or say --all."),
        (["run", "--every", "0"], "0.0 is not in the range"),
    ],
)
def test_mistakes_of_the_call(project: Path, arguments: list[str], told: str) -> None:
    called = call(project, *arguments)
    assert called.code == 2
    assert told in called.err
