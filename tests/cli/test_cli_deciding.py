"""``resolve`` and ``undo``: what a person says about values, and what becomes of it in both systems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.calling import Called, Systems, call, edit
from cli.kept import kept


class Customer(NamedTuple):
    """One that both systems have, as their users see it."""

    systems: Systems
    project: Path
    name: str
    ours: str
    theirs: str
    made: dict[str, str]
    """Its ids, to be deleted in the end."""

    def ours_is(self, **fields: Any) -> None:
        assert self.systems.erp.patch(f"customers/{self.ours}", fields).status == 200

    def theirs_is(self, **fields: Any) -> None:
        assert self.systems.central.patch(f"customers({self.theirs})", fields).status == 200

    @property
    def cities(self) -> tuple[str | None, str]:
        ours = self.systems.erp.get(f"customers/{self.ours}").record["address"]["city"]
        return ours, self.systems.central.get(f"customers({self.theirs})").body["city"]

    def call(self, *arguments: str) -> Called:
        return call(self.project, *arguments)

    def sync(self) -> Called:
        called = self.call("sync")
        assert called.code == 0, called
        return called

    def seq(self, action: str, name: str = "city") -> int:
        """The last entry of this kind."""
        entries = self.call("history", self.name, "--json").json["entries"]
        return max(int(e["seq"]) for e in entries if (e["action"], e["property"]) == (action, name))

    def at(self, action: str) -> str:
        """When that was done last."""
        entries = self.call("history", self.name, "--json").json["entries"]
        return str(next(e["at"] for e in reversed(entries) if e["action"] == action))


@pytest.fixture
def customer(systems: Systems, project: Path, request: pytest.FixtureRequest) -> Iterator[Customer]:
    """In a project of customers only, where the city and the street are to be asked about."""
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/customers.yaml]")
    flow = project / "flows" / "customers.yaml"
    edit(flow, "businesscentral: city}", "businesscentral: city, conflict: ask}")
    edit(flow, "businesscentral: addressLine1}", "businesscentral: addressLine1, conflict: ask}")
    name = f"{request.node.name[5:60]} Ltd"
    made = systems.erp.made("customers", name=name, address={"city": "Oslo", "street": "Main"})
    assert call(project, "sync").code == 0
    (link,) = call(project, "links", name, "--json").json["links"]
    theirs = link["members"]["businesscentral"]
    ids = {"ours": made["id"], "theirs": theirs}
    yield Customer(systems, project, name, made["id"], theirs, ids)
    assert systems.erp.delete(f"customers/{ids['ours']}").status == 204
    assert systems.central.delete(f"customers({ids['theirs']})").status == 204


def differ(customer: Customer) -> None:
    customer.ours_is(address={"city": "Rome", "street": "Via"})
    customer.theirs_is(city="Bonn", addressLine1="Weg")
    customer.sync()


def test_a_conflict_shows_all_that_is_to_be_known_and_a_side_is_taken(customer: Customer) -> None:
    differ(customer)
    parked = customer.call("parked").out
    assert "  city: Rome (customerp) or Bonn (businesscentral), before Oslo\n" in parked
    assert "  street: Via (customerp) or Weg (businesscentral), before Main\n" in parked
    assert "syncline resolve businesscentral/customers/" in parked
    resolved = customer.call("resolve", customer.name, "city", "--take", "customerp")
    assert resolved.code == 0
    assert resolved.out == f"customers  {customer.name}  city: Rome, to businesscentral (now Bonn)\n"
    assert resolved.err == "1 value chosen: the next pass writes what differs.\n"
    customer.sync()
    assert customer.cities == ("Rome", "Rome")
    assert "city:" not in customer.call("parked").out
    assert "street: Via" in customer.call("parked").out, "the other one is still to be chosen"
    history = customer.call("history", customer.name).out
    assert "city: Bonn → Rome (resolved)" in history
    assert "city: Bonn gave way to Rome (resolved)" in history
    told = customer.call("resolve", customer.name, "--value", "Gate", "--json").json
    (each,) = told["resolved"]
    assert (each["property"], each["value"]) == ("street", "Gate")
    assert each["writes"] == {"customerp": "Via", "businesscentral": "Weg"}
    customer.sync()
    assert customer.call("parked", "--json").json["parked"] == []
    assert customer.call("verify").code == 0


def test_many_are_resolved_at_once(customer: Customer) -> None:
    differ(customer)
    (first,) = customer.call("resolve", "--all", "--property", "street", "--take", "businesscentral", "--json").json[
        "resolved"
    ]
    assert first["writes"] == {"customerp": "Via"}
    customer.sync()
    called = customer.call("resolve", "--all", "--flow", "customers", "--take", "businesscentral")
    assert called.out.count("\n") == 1
    customer.sync()
    assert customer.cities == ("Bonn", "Bonn")
    assert customer.call("resolve", "--all", "--take", "customerp").err == "Nothing is to be chosen.\n"


def test_an_edit_after_the_choice_is_not_lost_and_asked_about_again(customer: Customer) -> None:
    differ(customer)
    assert customer.call("resolve", customer.name, "city", "--take", "customerp").code == 0
    customer.theirs_is(city="Kiel")
    assert "city was not resolved: it was changed since" in customer.sync().err
    assert customer.cities == ("Rome", "Kiel")
    assert "city: Rome (customerp) or Kiel (businesscentral)" in customer.call("parked").out


def test_what_a_system_will_not_have_is_chosen_anew(customer: Customer) -> None:
    edit(
        customer.project / "flows" / "customers.yaml",
        "businesscentral: email}",
        "businesscentral: email, conflict: ask}",
    )
    customer.ours_is(email="a@b.example")
    customer.theirs_is(email="b@b.example")
    customer.sync()
    assert customer.call("resolve", customer.name, "email", "--value", "no address").code == 0
    customer.sync()
    (parked,) = customer.call("parked", "--json").json["parked"]
    assert parked["cause"] == "refused"
    assert customer.call("resolve", customer.name, "phone", "--value", "1").code == 2
    told = customer.call("resolve", customer.name, "email", "--value", "c@b.example", "--json").json["resolved"]
    assert [each["value"] for each in told] == ["c@b.example"]
    customer.sync()
    assert customer.call("parked", "--json").json["parked"] == []
    assert customer.systems.central.get(f"customers({customer.theirs})").body["email"] == "c@b.example"
    assert customer.systems.erp.get(f"customers/{customer.ours}").record["email"] == "c@b.example"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["city", "--value", "x" * 31], "businesscentral cannot take that as city of "),
        (["city", "--take", "nobody"], "nobody is no side of customers; sides are: customerp, businesscentral."),
        (["name", "--take", "customerp"], "there is: street, city."),
        (["--value", "x"], "One value is for one property. Name it: street, city."),
        (["city", "--line", "1", "--take", "customerp"], "there is: street, city."),
        (["city", "--take", "customerp", "--value", "x"], "Say --take SIDE, or --value TEXT."),
    ],
)
def test_what_cannot_be_is_told_at_once(customer: Customer, arguments: list[str], message: str) -> None:
    differ(customer)
    called = customer.call("resolve", customer.name, *arguments)
    assert (called.code, called.out) == (2, "")
    assert message in called.err
    assert "city: Rome" in customer.call("parked").out, "nothing was remembered"


def test_what_is_not_parked_for_a_conflict_cannot_be_resolved(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    refused = call(folder, "resolve", "c2", "--take", "customerp")
    assert (refused.code, refused.err) == (
        2,
        "Error: c2 is not parked for a conflict. syncline parked tells why it is.\n",
    )
    called = call(folder, "resolve", "c1", "--take", "customerp")
    assert (called.code, called.err) == (2, "Error: c1 is not parked. syncline parked shows what is.\n")


# --- undo


def test_one_change_is_shown_and_then_undone_and_the_undo_too(customer: Customer) -> None:
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    for action in ("edited", "updated"):  # the edit, and what was written for it, are one change
        shown = customer.call("undo", "--change", str(customer.seq(action)))
        assert (shown.code, shown.err) == (0, "\nNothing was changed. --yes does it.\n")
        assert shown.lines[1].split("  ")[-2:] == ["Rome", "Oslo"]
    customer.sync()
    assert customer.cities == ("Rome", "Rome")
    assert customer.call("undo", "--change", str(customer.seq("edited")), "--yes").code == 0
    customer.sync()
    assert customer.cities == ("Oslo", "Oslo")
    assert "city: Rome → Oslo (undone)" in customer.call("history", customer.name).out
    assert customer.call("undo", "--change", str(customer.seq("updated")), "--yes").code == 0
    customer.sync()
    assert customer.cities == ("Rome", "Rome")
    assert customer.call("verify").code == 0


def test_a_later_edit_is_lost_to_an_undo_only_where_that_was_said(customer: Customer) -> None:
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    change = customer.seq("edited")
    customer.theirs_is(city="Bonn")
    customer.sync()
    refused = customer.call("undo", "--change", str(change), "--yes")
    assert refused.code == 2
    assert "city was changed again since (" in refused.err
    assert customer.call("undo", "--change", str(change), "--over-later", "--yes", "--json").json["done"]
    customer.sync()
    assert customer.cities == ("Oslo", "Oslo")


def test_an_edit_that_was_not_read_yet_is_not_overwritten_by_an_undo(customer: Customer) -> None:
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    moment = customer.at("edited")
    customer.theirs_is(city="Bonn")
    assert customer.call("undo", customer.name, "--since", moment, "--yes").code == 0
    assert "city was not undone: it was changed since" in customer.sync().err
    assert customer.cities == ("Bonn", "Bonn")


def test_a_record_goes_back_to_what_it_was(customer: Customer) -> None:
    for city in ("Rome", "Bonn", "Kiel"):
        customer.ours_is(address={"city": city}, phone=f"+472100000{len(city)}")
        customer.sync()
    customer.theirs_is(addressLine1="Weg")
    customer.sync()
    shown = customer.call("undo", customer.name, "--since", "1h", "--json").json
    assert {each["property"]: each["value"] for each in shown["back"]} == {
        "city": "Oslo",
        "phone": None,
        "street": "Main",
    }
    assert not shown["done"]
    kept = {(each["action"], each["why"]) for each in shown["kept"]}
    assert kept == {
        (
            "created",
            "it was changed in businesscentral since (street), which would be lost; --over-later does it anyway",
        ),
        ("updated", "it was empty, and filled from businesscentral"),  # what that derived from the new record
    }
    called = customer.call("undo", customer.name, "--since", "1h", "--yes")
    assert "created in businesscentral: it was changed in businesscentral since (street), which would" in called.err
    customer.sync()
    assert customer.cities == ("Oslo", "Oslo")
    ours = customer.systems.erp.get(f"customers/{customer.ours}").record
    assert (ours.get("phone"), ours["address"]["street"]) == (None, "Main")
    assert customer.call("verify").code == 0


def test_everything_since_a_time_goes_back_and_nothing_from_before(customer: Customer) -> None:
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    entries = customer.call("history", customer.name, "--json").json["entries"]
    customer.ours_is(address={"city": "Bonn"})
    customer.sync()
    (later,) = (
        e["at"]
        for e in customer.call("history", customer.name, "--json").json["entries"][len(entries) :]
        if e["ref"] and e["action"] == "edited"
    )
    assert customer.call("undo", "--since", later, "--flow", "customers", "--yes").code == 0
    customer.sync()
    assert customer.cities == ("Rome", "Rome")


def test_what_the_agreement_does_not_let_be_written_back_is_said(systems: Systems, customer: Customer) -> None:
    flow = customer.project / "flows" / "customers.yaml"
    edit(flow, "businesscentral: city, conflict: ask}", "businesscentral: city, direction: ->}")
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    called = customer.call("undo", "--change", str(customer.seq("edited")), "--yes")
    assert called.code == 2
    assert "the agreement lets nothing of it be written to customerp" in called.err
    told = customer.call("undo", customer.name, "--since", customer.at("edited"), "--json").json
    assert "city" in [each["property"] for each in told["kept"]]
    assert told["back"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say --change SEQ, or --since TIME"),
        (["c1"], "Say --change SEQ, or --since TIME"),
        (["--change", "1", "--since", "1h"], "Say --change SEQ, or --since TIME"),
        (["--since", "soon"], "soon is no time."),
        (["--change", "999", "--yes"], "The journal has no entry 999"),
        (["--change", "7", "--yes"], "Entry 7 (deleted) cannot be undone: what was deleted is not brought back"),
        (["--change", "5", "--yes"], "customer cannot be undone: its link is completed."),
        (["nobody", "--since", "1h"], "Nothing is remembered of nobody."),
    ],
)
def test_what_cannot_be_undone_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    called = call(kept(tmp_path), "undo", *arguments)
    assert (called.code, called.out) == (2, "")
    assert message in called.err


def test_a_record_that_was_deleted_is_shown_and_then_created_again(customer: Customer) -> None:
    edit(customer.project / "flows" / "customers.yaml", "delete: ask", "delete: propagate")
    systems = customer.systems
    assert systems.erp.delete(f"customers/{customer.ours}").status == 204
    customer.sync()
    assert systems.central.get(f"customers({customer.theirs})").status == 404
    record = f"businesscentral/customers/{customer.theirs}"
    entries = customer.call("history", record, "--json").json["entries"]
    (seq,) = (str(e["seq"]) for e in entries if e["action"] == "deleted" and e["origin"])
    shown = customer.call("undo", "--change", seq)
    assert shown.lines[1].split("  ")[-2] == "deleted in businesscentral"
    assert shown.lines[1].split("  ")[-1].startswith("created again, with ")
    assert shown.err == "\nNothing was changed. --yes does it.\n"
    told = customer.call("undo", "--change", seq, "--yes", "--json").json
    assert told["done"]
    (created,) = told["created"]
    assert (created["name"], created["deleted"], created["why"]) == (customer.name, record, None)
    theirs = created["record"].rpartition("/")[2]
    assert systems.central.get(f"customers({theirs})").body["displayName"] == customer.name
    customer.sync()
    (link,) = customer.call("links", customer.name, "--json").json["links"]
    assert link["members"]["businesscentral"] == theirs
    again = customer.call("undo", "--change", seq, "--yes")
    assert again.code == 1
    assert "already: businesscentral/customers/" in again.err
    told = customer.call("undo", "--change", seq, "--yes", "--json")
    assert (told.code, told.json["created"][0]["record"]) == (1, None)
    assert "already: businesscentral/customers/" in told.json["created"][0]["why"]
    customer.made.update(ours=link["members"]["customerp"], theirs=theirs)


def test_a_record_that_was_created_is_shown_and_then_deleted_again_and_that_is_undone_too(customer: Customer) -> None:
    systems = customer.systems
    entries = customer.call("history", customer.name, "--json").json["entries"]
    (seq,) = (str(e["seq"]) for e in entries if e["action"] == "created")
    shown = customer.call("undo", "--change", seq)
    assert (shown.code, shown.err) == (0, "\nNothing was changed. --yes does it.\n")
    record, stays = f"businesscentral/customers/{customer.theirs}", f"customerp/customers/{customer.ours}"
    assert shown.lines[1].split("  ")[-2:] == ["created in businesscentral", f"deleted; {stays} stays"]
    told = customer.call("undo", "--change", seq, "--yes", "--json").json
    assert told["done"]
    (deleted,) = told["deleted"]
    assert (deleted["seq"], deleted["record"], deleted["stays"]) == (int(seq), record, [stays])
    assert systems.central.get(f"customers({customer.theirs})").status == 200, "the next pass does it"
    twice = customer.call("undo", "--change", seq, "--yes")
    assert (twice.code, twice.err) == (
        2,
        f"Error: Entry {seq} (created) cannot be undone: the next pass deletes it already.\n",
    )
    assert "delete" in customer.call("plan").out
    customer.sync()
    assert systems.central.get(f"customers({customer.theirs})").status == 404
    assert systems.erp.get(f"customers/{customer.ours}").status == 200
    assert "deleted (from customerp): created by Syncline, undone by a person" in customer.call("history", record).out
    assert customer.call("verify").code == 0
    entries = customer.call("history", record, "--json").json["entries"]
    (seq,) = (str(e["seq"]) for e in entries if e["action"] == "deleted")
    called = customer.call("undo", "--change", seq, "--yes")
    assert (called.code, called.err) == (0, "\nThe next pass creates it from its counterpart, or finds it.\n")
    customer.sync()
    (link,) = customer.call("links", customer.name, "--json").json["links"]
    assert link["members"]["customerp"] == customer.ours
    assert systems.central.get(f"customers({link['members']['businesscentral']})").body["city"] == "Oslo"
    customer.made["theirs"] = link["members"]["businesscentral"]


def test_creations_deletions_and_changes_since_a_time_stand_in_one_table(customer: Customer) -> None:
    edit(customer.project / "flows" / "customers.yaml", "delete: ask", "delete: propagate")
    erp, central = customer.systems.erp, customer.systems.central
    goes = erp.made("customers", name=f"{customer.name} goes", organisationNumber="GOES")
    customer.sync()
    customer.ours_is(address={"city": "Rome"})
    customer.sync()
    moment = customer.at("edited")
    new = erp.made("customers", name=f"{customer.name} new", organisationNumber="NEW")
    assert erp.delete(f"customers/{goes['id']}").status == 204
    customer.sync()
    shown = customer.call("undo", "--since", moment)
    told = {re.split(" {2,}", line)[3] for line in shown.lines[1:]}
    assert told == {"Rome", "created in businesscentral", "deleted in businesscentral"}
    called = customer.call("undo", "--since", moment, "--yes")
    assert called.code == 0
    assert "The next pass does it: 1 value put back, 1 record deleted." in called.err
    assert "was created. The next pass finds its counterpart, or creates it." in called.err
    customer.sync()
    assert customer.cities == ("Oslo", "Oslo")
    names = {c["displayName"] for c in central.get("customers").body["value"]}
    assert f"{customer.name} new" not in names
    assert f"{customer.name} goes" in names
    (link,) = customer.call("links", "GOES", "--json").json["links"]
    again = customer.call("undo", "--since", moment, "--json").json
    assert (again["created"], again["deleted"], again["back"]) == ([], [], [])
    assert customer.call("verify").code == 0
    assert erp.delete(f"customers/{new['id']}").status == 204
    assert erp.delete(f"customers/{link['members']['customerp']}").status == 204
    assert central.delete(f"customers({link['members']['businesscentral']})").status == 204
