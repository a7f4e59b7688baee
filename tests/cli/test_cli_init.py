"""``syncline init``: a folder that works at once, and nothing that was there is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import call
from syncline.project import load
from syncline.project.scaffold import AddressError, central_root, customerp_root

FILES = [
    ".gitignore",
    "connectors/customerp.yaml",
    "connectors/declaration.schema.json",
    "flows/contacts.yaml",
    "flows/customers.yaml",
    "flows/flow.schema.json",
    "flows/orders.yaml",
    "flows/products.yaml",
    "syncline.schema.json",
    "syncline.yaml",
]
LOCAL = ("--businesscentral", "http://127.0.0.1:7048", "--customerp", "http://127.0.0.1:8091")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_two_sandboxes_need_no_secrets(tmp_path: Path) -> None:
    made = call(tmp_path, "init", str(tmp_path / "new"), *LOCAL)
    assert made.code == 0
    assert made.lines == [f"{tmp_path}/new/{name}" for name in sorted(FILES, key=made.out.index)]
    assert files(tmp_path / "new") == FILES
    assert f"syncline -C {tmp_path}/new plan" in made.err
    assert "export" not in made.err
    project = load(tmp_path / "new")
    assert project.systems["businesscentral"].url == "http://127.0.0.1:7048/v2.0/local/sandbox/api/v2.0/"
    assert not any(system.secrets for system in project.systems.values())
    config = (tmp_path / "new" / "syncline.yaml").read_text()
    assert "# secrets: {clientId: BC_CLIENT_ID, clientSecret: BC_CLIENT_SECRET}" in config
    assert config.startswith("# yaml-language-server: $schema=syncline.schema.json\n")


def test_systems_elsewhere_take_their_secrets_from_the_environment(tmp_path: Path) -> None:
    central = "https://api.businesscentral.dynamics.com/v2.0/contoso/production"
    made = call(
        tmp_path, "init", str(tmp_path), "--businesscentral", central, "--customerp", "https://erp.example.com/api/",
        "--company", "O'Hara: 100 % & co",
    )  # fmt: skip
    assert made.code == 0
    for name in ("SYNCLINE_CUSTOMERP_TOKEN", "BC_CLIENT_ID", "BC_CLIENT_SECRET"):
        assert f"export {name}=" in made.err
    systems = load(tmp_path).systems
    assert systems["customerp"].url == "https://erp.example.com"
    assert systems["customerp"].secrets == {"token": "SYNCLINE_CUSTOMERP_TOKEN"}
    assert systems["businesscentral"].url == f"{central}/api/v2.0/"
    assert systems["businesscentral"].secrets == {"clientId": "BC_CLIENT_ID", "clientSecret": "BC_CLIENT_SECRET"}


def test_a_company_reaches_the_connector_whatever_its_name(tmp_path: Path) -> None:
    from syncline.project.configfile import BusinessCentralSaid, ProjectSaid
    from syncline.yamlfile import load as load_yaml

    call(tmp_path, "init", str(tmp_path), *LOCAL, "--company", "O'Hara: 100 % # co")
    said = load_yaml(tmp_path / "syncline.yaml", ProjectSaid).systems["businesscentral"]
    assert isinstance(said, BusinessCentralSaid)
    assert said.company == "O'Hara: 100 % # co"


def test_on_premises_a_user_signs_in(tmp_path: Path) -> None:
    central = "https://bc.example.com:7048/BC/api/v2.0"
    call(tmp_path, "init", str(tmp_path), "--businesscentral", central, "--customerp", "http://127.0.0.1:1")
    system = load(tmp_path).systems["businesscentral"]
    assert system.url == central + "/"
    assert system.secrets == {"user": "BC_USER", "password": "BC_PASSWORD"}


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    mine = {"flows/customers.yaml": "mine\n", "syncline.yaml": "mine too\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    made = call(tmp_path, "init", str(tmp_path), *LOCAL, "--json")
    assert made.code == 0
    assert sorted(made.json["kept"]) == sorted(mine)
    assert sorted(made.json["written"]) == [name for name in FILES if name not in mine]
    assert made.json["variables"] == []
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    again = call(tmp_path, "init", str(tmp_path), *LOCAL)
    assert (again.code, again.out) == (0, "")
    assert again.err.count("was there already") == len(FILES)


@pytest.mark.parametrize(
    ("said", "root"),
    [
        ("http://127.0.0.1:7048", "http://127.0.0.1:7048/v2.0/local/sandbox/api/v2.0/"),
        ("http://localhost:7048/", "http://localhost:7048/v2.0/local/sandbox/api/v2.0/"),
        (
            "http://127.0.0.1:7048/v2.0/local/sandbox/api/v2.0",
            "http://127.0.0.1:7048/v2.0/local/sandbox/api/v2.0/",
        ),
        ("http://bc.lan:7048/BC250/api/v2.0/", "http://bc.lan:7048/BC250/api/v2.0/"),
    ],
)
def test_the_root_of_business_central(said: str, root: str) -> None:
    assert central_root(said) == root


@pytest.mark.parametrize(
    "said", ["127.0.0.1:7048", "ftp://host/api/v2.0/", "https://api.businesscentral.dynamics.com/", "http://bc.lan"]
)
def test_what_cannot_be_that_root(said: str, tmp_path: Path) -> None:
    with pytest.raises(AddressError):
        central_root(said)
    made = call(tmp_path, "init", str(tmp_path / "new"), "--businesscentral", said, "--customerp", "http://127.0.0.1:1")
    assert made.code == 2
    assert made.err.startswith(f"Error: {said} is not ")
    assert not (tmp_path / "new").exists()


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(AddressError):
        customerp_root("https://me:secret@erp.example.com")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "flows").write_text("a file where the folder should be")
    made = call(tmp_path, "init", str(tmp_path), *LOCAL)
    assert made.code == 2
    assert "cannot be written" in made.err
