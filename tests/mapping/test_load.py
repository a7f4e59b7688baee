"""Mistakes in flow files: every one names its file, line, place and mend."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mapping.systems import SYSTEMS
from syncline.mapping.load import FlowError, load_flows
from syncline.mapping.model import Conflict, Flow, MatchKey, Policy
from syncline.mapping.translate import Known, fields, row
from syncline.mapping.types import Kind
from syncline.records import Record

HEAD = """\
flow: customers
sides:
  customerp: {entity: customers}
  businesscentral: {entity: customers}
"""


def told(folder: Path, text: str, name: str = "f.yaml") -> list[str]:
    (folder / name).write_text(text)
    with pytest.raises(FlowError) as caught:
        load_flows([folder / name], SYSTEMS)
    return str(caught.value).splitlines()


def loaded(folder: Path, text: str) -> Flow:
    (folder / "f.yaml").write_text(text)
    (flow,) = load_flows([folder / "f.yaml"], SYSTEMS).values()
    return flow


NAME = "  name: {customerp: name, businesscentral: displayName}\n"

ROWS = {
    "unknown path": (
        "phone: {customerp: phone, businesscentral: phoneNumbr}",
        (
            "f.yaml:6: properties.phone.businesscentral: businesscentral has no 'phoneNumbr' in customers. "
            "Did you mean phoneNumber?"
        ),
    ),
    "unknown side": (
        "phone: {customerp: phone, businescentral: phoneNumber}",
        (
            "f.yaml:6: properties.phone.businescentral: is neither a side nor a key known here. "
            "Did you mean businesscentral?"
        ),
    ),
    "unknown key of a row": (
        "phone: {customerp: phone, businesscentral: phoneNumber, directon: ->}",
        "f.yaml:6: properties.phone.directon: is neither a side nor a key known here. Did you mean direction?",
    ),
    "unknown key of a column": (
        "phone: {customerp: {path: phone, tabel: x}, businesscentral: phoneNumber}",
        (
            "f.yaml:6: properties.phone.customerp.tabel: is not a key known here. Known here: constant, "
            "default, lens, lookup, missing, path, paths, values, where, within."
        ),
    ),
    "wrong type": (
        "phone: {customerp: phone, businesscentral: phoneNumber, values: 3}",
        "f.yaml:6: properties.phone.values: is a whole number, but must be keys and values.",
    ),
    "wrong word": (
        "phone: {customerp: phone, businesscentral: phoneNumber, direction: <>}",
        "f.yaml:6: properties.phone.direction: <> is not known here. Known here: ->, <-.",
    ),
    "no row": (
        "phone: phoneNumber",
        "f.yaml:6: properties.phone: must say where each side keeps phone. Sides: customerp, businesscentral.",
    ),
    "on no side": (
        "phone: {direction: ->}",
        "f.yaml:6: properties.phone: stands on no side. Say where customerp or businesscentral keeps it.",
    ),
    "unknown lens": (
        "phone: {customerp: phone, businesscentral: phoneNumber, lens: fone}",
        "f.yaml:6: properties.phone.lens: fone is not known here. Did you mean phone?",
    ),
    "two lenses in one": (
        "phone: {customerp: phone, businesscentral: phoneNumber, lens: {phone: phone, truncate: 3}}",
        "f.yaml:6: properties.phone.lens: must be one lens. Several stand in a list: [trim, upper].",
    ),
    "phone of no country": (
        "phone: {customerp: phone, businesscentral: phoneNumber, lens: {phone: nam}}",
        "f.yaml:6: properties.phone.lens: no property is called 'nam'. Did you mean name?",
    ),
    "lens that does not fit": (
        "phone: {customerp: {path: phone, lens: invert}, businesscentral: phoneNumber}",
        (
            "f.yaml:6: properties.phone.customerp.lens: invert is about true and false, and customerp's "
            "phone is text(60)."
        ),
    ),
    "inverted on every side": (
        "taxable: {customerp: taxable, businesscentral: taxLiable, lens: invert}",
        (
            "f.yaml:6: properties.taxable.lens: invert on every side changes nothing. "
            "Say it at the side that means the opposite."
        ),
    ),
    "types that do not fit": (
        "limit: {customerp: creditLimit, businesscentral: displayName2}",
        (
            "f.yaml:6: properties.limit.businesscentral: businesscentral has no 'displayName2' in customers. "
            "Did you mean displayName?"
        ),
    ),
    "kinds that do not fit": (
        "limit: {customerp: creditLimit, businesscentral: addressLine1}",
        (
            "f.yaml:6: properties.limit: customerp's creditLimit is decimal and businesscentral's addressLine1 is "
            "Text[100]. Say with values or a lens how one becomes the other."
        ),
    ),
    "id without a table": (
        "terms: {customerp: paymentTerms, businesscentral: paymentTermsId}",
        (
            "f.yaml:6: properties.terms.businesscentral: paymentTermsId holds an id, which means nothing elsewhere. "
            "Say lookup or reference."
        ),
    ),
    "lookup without an id": (
        "terms: {customerp: paymentTerms, businesscentral: salespersonCode, lookup: salespeoplePurchasers}",
        (
            "f.yaml:6: properties.terms.lookup: no side keeps an id here, so it is not clear whose table is meant. "
            "Say it at the one side whose code table it is."
        ),
    ),
    "no such scope": (
        "terms: {customerp: paymentTerms, businesscentral: paymentTermsId, lookup: paymentTerms, within: nam}",
        "f.yaml:6: properties.terms.within: no property is called 'nam'. Did you mean name?",
    ),
    "scope that is no reference": (
        "terms: {customerp: paymentTerms, businesscentral: paymentTermsId, lookup: paymentTerms, within: name}",
        "f.yaml:6: properties.terms.within: name is no reference, so no code can belong to it.",
    ),
    "enum without values": (
        "hold: {customerp: hold, businesscentral: blocked, direction: ->}",
        (
            "f.yaml:6: properties.hold: customerp's none, shipping, invoicing, all is not known to businesscentral. "
            "Say with values which stand for each other."
        ),
    ),
    "no such member": (
        (
            "hold: {customerp: hold, businesscentral: blocked, direction: ->, "
            "values: {none: _x0020_, shipping: Shipp, invoicing: Invoice, all: All}}"
        ),
        (
            "f.yaml:6: properties.hold.values.shipping: Shipp is no member of businesscentral's Customer Blocked. "
            "Did you mean Ship?"
        ),
    ),
    "no such member on the left": (
        (
            "hold: {customerp: hold, businesscentral: blocked, direction: <-, "
            "values: {none: _x0020_, ship: Ship, invoicing: Invoice, all: All}}"
        ),
        (
            "f.yaml:6: properties.hold.values.ship: ship is no member of customerp's enum[none, shipping, "
            "invoicing, all]. Did you mean shipping?"
        ),
    ),
    "values that are not all there": (
        "hold: {customerp: hold, businesscentral: blocked, values: {none: _x0020_, shipping: Ship, all: All}}",
        (
            "f.yaml:6: properties.hold.values: customerp's invoicing has no meaning here. Add a value for each.\n"
            "f.yaml:6: properties.hold.values: businesscentral's Invoice has no meaning here. Add a value for each."
        ),
    ),
    "value that stands for two": (
        (
            "hold: {customerp: hold, businesscentral: blocked, direction: <-, "
            "values: {none: _x0020_, shipping: Ship, invoicing: Ship, all: All}}"
        ),
        (
            "f.yaml:6: properties.hold.values: businesscentral's Ship stands for several values. "
            "Keep one, or say a direction.\n"
            "f.yaml:6: properties.hold.values: businesscentral's Invoice has no meaning here. Add a value for each."
        ),
    ),
    "column values that cannot be sent": (
        "group: {customerp: {path: taxArea, values: {A: X, B: X}}, businesscentral: salespersonCode}",
        (
            "f.yaml:6: properties.group.customerp: several of its values mean the same, so it is not clear "
            "which to send. "
            "Say a direction."
        ),
    ),
    "towards a read-only property": (
        "balance: {customerp: balanceDue, businesscentral: balanceDue}",
        (
            "f.yaml:6: properties.balance.businesscentral: businesscentral's balanceDue is read-only and "
            "cannot receive "
            "anything. Say direction: <-."
        ),
    ),
    "a path written twice": (
        "title: {customerp: website, businesscentral: displayName}",
        (
            "f.yaml:7: properties.name.businesscentral: businesscentral's displayName is also written by title. "
            "Keep one, or give one a direction."
        ),
    ),
    "one side goes nowhere": (
        "web: {customerp: website, direction: ->}",
        "f.yaml:6: properties.web.direction: only one side keeps web, so it goes nowhere. Say where it goes to.",
    ),
    "a constant that receives": (
        "web: {customerp: {constant: X}, businesscentral: website}",
        (
            "f.yaml:6: properties.web.customerp: a constant cannot receive anything. "
            "Say with direction that it only goes from here."
        ),
    ),
    "path and paths": (
        "web: {customerp: {path: website, paths: [email, phone]}, businesscentral: website}",
        "f.yaml:6: properties.web.customerp: must say one of path, paths and constant.",
    ),
    "joined that are no texts": (
        "web: {customerp: {paths: [website, taxable]}, businesscentral: website}",
        (
            "f.yaml:6: properties.web.customerp: several paths are joined as texts, and one of these is none. "
            "website is text(500), taxable is boolean."
        ),
    ),
    "a side that cannot be preferred": (
        "web: {customerp: website, businesscentral: website, conflict: {prefer: buisnesscentral}}",
        (
            "f.yaml:6: properties.web.conflict.prefer: buisnesscentral is no side whose edits of web count. "
            "Did you mean businesscentral?"
        ),
    ),
    "an unknown flow": (
        "web: {customerp: website, businesscentral: website, reference: contacts}",
        "f.yaml:6: properties.web.reference: no flow is called contacts. Known here: customers.",
    ),
    "a key twice": (
        "name: {customerp: website, businesscentral: website}",
        "f.yaml:7: properties.name: stands twice (first on line 6). Keep one.",
    ),
    "cut to more than a side can hold": (
        "web: {customerp: website, businesscentral: {path: phoneNumber, lens: {truncate: 31}}}",
        (
            "f.yaml:6: properties.web.businesscentral.lens.truncate: businesscentral's phoneNumber holds 30 "
            "characters, not 31. Say truncate, or {truncate: 30}."
        ),
    ),
    "where on an unknown path": (
        "group: {customerp: {path: taxArea, where: {hld: none}}, businesscentral: salespersonCode, direction: ->}",
        "f.yaml:6: properties.group.customerp.where.hld: customerp has no 'hld' in customers. Did you mean hold?",
    ),
}


@pytest.mark.parametrize("mistake", ROWS)
def test_a_mistake_in_a_row(mistake: str, tmp_path: Path) -> None:
    row, message = ROWS[mistake]
    name = NAME if "nam" in row or "displayName}" in row else ""
    before = "" if mistake == "a key twice" else f"  {row}\n"
    after = f"  {row}\n" if mistake == "a key twice" else ""
    assert told(tmp_path, f"{HEAD}properties:\n{before}{name}{after}") == message.split("\n")


FILES = {
    "unknown key": (
        HEAD + "dellete: ask\nproperties:\n" + NAME,
        "f.yaml:5: dellete: is not a key known here. Did you mean delete?",
    ),
    "missing key": ("flow: customers\nsides: {}\n", "f.yaml:1: properties is missing. Add it."),
    "not YAML": (HEAD + "match: [\n", "f.yaml:6: is not YAML: expected the node content, but found '<stream end>'."),
    "unknown side": (
        HEAD.replace("businesscentral:", "bc:") + "properties:\n" + NAME.replace("businesscentral:", "bc:"),
        "f.yaml:4: sides.bc: no system is called bc. Known here: businesscentral, customerp.",
    ),
    "unknown entity": (
        HEAD.replace("customerp: {entity: customers}", "customerp: {entity: custommers}") + "properties:\n" + NAME,
        "f.yaml:3: sides.customerp.entity: customerp has no entity 'custommers'.",
    ),
    "unknown where": (
        HEAD.replace("{entity: customers}", "{entity: customers, where: {emale: x}}") + "properties:\n" + NAME,
        (
            "f.yaml:3: sides.customerp.where.emale: customerp has no 'emale' in customers. Did you mean email?\n"
            "f.yaml:4: sides.businesscentral.where.emale: businesscentral has no 'emale' in customers. "
            "Did you mean email?"
        ),
    ),
    "unknown member": (
        HEAD.replace("l: {entity: customers}", "l: {entity: customers, where: {type: Companie}}")
        + "properties:\n"
        + NAME,
        (
            "f.yaml:4: sides.businesscentral.where.type: Companie is no member of businesscentral's Contact Type. "
            "Did you mean Company?"
        ),
    ),
    "read-only constant": (
        HEAD.replace("l: {entity: customers}", "l: {entity: customers, constants: {balanceDue: 3}}")
        + "properties:\n"
        + NAME,
        (
            "f.yaml:4: sides.businesscentral.constants.balanceDue: businesscentral's balanceDue is "
            "read-only and cannot "
            "be sent."
        ),
    ),
    "from no time": (
        HEAD + "from: yesterday\nproperties:\n" + NAME,
        "f.yaml:5: from: yesterday is not a time. Say all, now, or a time like 2026-01-31T00:00:00Z.",
    ),
    "write neither on nor off": (
        HEAD.replace("p: {entity: customers}", "p: {entity: customers, write: never}") + "properties:\n" + NAME,
        "f.yaml:3: sides.customerp.write: never is not known here. Known here: off, on.",
    ),
    "match of no property": (
        HEAD + "match: [nane, {suggest: [name, zip]}]\nproperties:\n" + NAME,
        (
            "f.yaml:5: match[0]: 'nane' is no property of this flow. Did you mean name?\n"
            "f.yaml:5: match[1]: 'zip' is no property of this flow. Known here: name."
        ),
    ),
    "match of one side only": (
        HEAD + "match: [web]\nproperties:\n  web: {customerp: website}\n",
        "f.yaml:5: match[0]: 'web' is not kept on every side, so records cannot be matched by it.",
    ),
    "unknown lines": (
        HEAD + "properties:\n" + NAME + "lines: {customerp: lines, businesscentral: lines, properties: {}}\n",
        (
            "f.yaml:7: lines.customerp: customerp has no lines 'lines' in customers.\n"
            "f.yaml:7: lines.businesscentral: businesscentral has no lines 'lines' in customers."
        ),
    ),
    "lines of one side": (
        HEAD + "properties:\n" + NAME + "lines: {customerp: lines, properties: {}}\n",
        (
            "f.yaml:7: lines.businesscentral: must say which property holds the lines at businesscentral.\n"
            "f.yaml:7: lines.customerp: customerp has no lines 'lines' in customers."
        ),
    ),
    "all mistakes at once": (
        HEAD
        + "delete: maybe\nproperties:\n"
        + "  phone: {customerp: fone, businesscentral: phoneNumber, keep: full}\n"
        + "  email: {customerp: email, businesscentral: emale}\n",
        (
            "f.yaml:5: delete: maybe is not known here. Known here: ask, block, keep, propagate.\n"
            "f.yaml:7: properties.phone.keep: full is not known here. Did you mean filled?\n"
            "f.yaml:8: properties.email.businesscentral: businesscentral has no 'emale' in customers. Did "
            "you mean email?"
        ),
    ),
}


@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_a_file(mistake: str, tmp_path: Path) -> None:
    text, message = FILES[mistake]
    assert told(tmp_path, text) == message.split("\n")


def flow_text(name: str, reference: str = "") -> str:
    says = f", reference: {reference}" if reference else ""
    return (
        f"flow: {name}\nsides: {{customerp: {{entity: customers}}, businesscentral: {{entity: customers}}}}\n"
        f"properties:\n  web: {{customerp: website, businesscentral: website{says}}}\n"
    )


def test_flows_that_refer_to_each_other_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(flow_text("a", "b"))
    (tmp_path / "b.yaml").write_text(flow_text("b", "a"))
    with pytest.raises(FlowError, match=r"flows refer to each other in a circle: (a -> b -> a|b -> a -> b)\. One must"):
        load_flows([tmp_path / "a.yaml", tmp_path / "b.yaml"], SYSTEMS)


def test_two_flows_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(flow_text("a"))
    (tmp_path / "b.yaml").write_text(flow_text("a"))
    with pytest.raises(FlowError) as caught:
        load_flows([tmp_path / "a.yaml", tmp_path / "b.yaml"], SYSTEMS)
    assert str(caught.value) == "b.yaml:1: flow: a is also the name of a.yaml. Name one otherwise."


def test_a_reference_by_a_property_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(flow_text("a"))
    (tmp_path / "b.yaml").write_text(flow_text("b", "{flow: a, by: {businesscentral: wb}}"))
    with pytest.raises(FlowError) as caught:
        load_flows([tmp_path / "a.yaml", tmp_path / "b.yaml"], SYSTEMS)
    assert str(caught.value) == (
        "b.yaml:4: properties.web.reference.by.businesscentral: a keeps no 'wb' on businesscentral. Did you mean web?"
    )


def test_flows_come_after_those_they_refer_to(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(flow_text("a", "z"))
    (tmp_path / "z.yaml").write_text(flow_text("z"))
    assert list(load_flows([tmp_path / "a.yaml", tmp_path / "z.yaml"], SYSTEMS)) == ["z", "a"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as caught:
        load_flows([tmp_path / "f.yaml"], SYSTEMS)
    assert str(caught.value) == "f.yaml:1: cannot be read: No such file or directory."


def test_which_records_take_part(tmp_path: Path) -> None:
    flow = loaded(
        tmp_path,
        "flow: f\nfrom: now\nsides:\n"
        "  customerp: {entity: customers, from: 2026-01-31, where: {hold: [none, all], taxable: true}, write: off}\n"
        "  businesscentral: {entity: customers, constants: {taxLiable: false, addressLine2: no}}\n"
        "properties:\n" + NAME,
    )
    left, right = flow.sides.values()
    assert left.since == datetime(2026, 1, 31, tzinfo=UTC)
    assert not left.from_now
    assert left.where == {"hold": ("none", "all"), "taxable": (True,)}
    assert not left.write
    assert right.from_now
    assert right.since is None
    assert right.constants == {"taxLiable": False, "addressLine2": "no"}


def test_what_a_row_says(tmp_path: Path) -> None:
    flow = loaded(
        tmp_path,
        HEAD
        + "match: [number, {suggest: [name, zip]}]\ndelete: keep\nproperties:\n"
        + NAME
        + "  number: {customerp: customerNo, businesscentral: number, when: create, keep: filled}\n"
        + "  zip: {customerp: address.postalCode, businesscentral: postalCode, direction: ->, lens: [trim, upper]}\n"
        + "  terms: {customerp: paymentTerms, businesscentral: paymentTermsId, lookup: paymentTerms, "
        + "missing: {default: 30D}, conflict: {prefer: businesscentral}}\n"
        + "  hold: {customerp: hold, businesscentral: blocked, conflict: ask, "
        + "values: {none: _x0020_, shipping: Ship, invoicing: Invoice, all: All}}\n"
        + "  web: {businesscentral: website}\n",
    )
    both = frozenset(["customerp", "businesscentral"])
    assert flow.match == (MatchKey(("number",)), MatchKey(("name", "zip"), suggest=True))
    assert flow.delete.value == "keep"
    number, zip_, terms, hold, web = (flow.properties[n] for n in ("number", "zip", "terms", "hold", "web"))
    assert number.when_create
    assert number.keep_filled
    assert (number.sources, number.targets) == (both, both)
    assert (zip_.sources, zip_.targets) == (frozenset(["customerp"]), frozenset(["businesscentral"]))
    assert (web.sources, web.targets) == (frozenset(), frozenset())
    assert terms.columns["businesscentral"].table == "paymentTerms"
    assert terms.columns["customerp"].table is None
    assert (terms.columns["businesscentral"].missing, terms.columns["businesscentral"].default) == ("default", "30D")
    assert terms.conflict == Conflict(Policy.PREFER, "businesscentral")
    assert hold.conflict == Conflict(Policy.ASK)
    assert (hold.kind, terms.kind, zip_.kind) == (Kind.ENUM, Kind.TEXT, Kind.TEXT)
    assert zip_.columns["customerp"].lens.get((" ab1 ",)) == "AB1"
    assert hold.columns["businesscentral"].lens.put("shipping") == ("Ship",)
    assert hold.normal("businesscentral", None) == "none"
    assert flow.tables("businesscentral") == {"paymentTerms"}
    assert "website" in flow.paths("businesscentral")


def test_truncation_only_where_it_is_agreed(tmp_path: Path) -> None:
    flow = loaded(
        tmp_path,
        HEAD
        + "properties:\n"
        + NAME
        + "  web: {customerp: website, businesscentral: phoneNumber, lens: truncate}\n"
        + "  mail: {customerp: email, businesscentral: {path: city, lens: {truncate: 3}}}\n",
    )
    long = "x" * 500
    assert flow.properties["name"].normal("businesscentral", long) == long
    assert flow.properties["web"].normal("businesscentral", long) == "x" * 30
    assert flow.properties["mail"].normal("businesscentral", long) == "xxx"
    assert flow.properties["mail"].normal("customerp", long) == long


def test_true_and_false_by_words(tmp_path: Path) -> None:
    flow = loaded(
        tmp_path,
        HEAD + "properties:\n  tax: {customerp: taxable, businesscentral: state, values: {true: Yes, false: No}}\n",
    )
    column = flow.properties["tax"].columns["businesscentral"]
    assert flow.properties["tax"].kind is Kind.BOOLEAN
    assert column.lens.get(("Yes",)) is True
    assert column.lens.put(False) == ("No",)


def test_a_constant_stands_in_no_record(tmp_path: Path) -> None:
    flow = loaded(
        tmp_path,
        HEAD + "properties:\n  area: {customerp: {constant: HOME}, businesscentral: state, direction: ->}\n",
    )
    empty = Record(id="1", version=None, modified=None, fields={}, partial=True)
    assert row(flow, "customerp", empty, Known()).values == {"area": "HOME"}
    assert fields(flow, "businesscentral", {"area": "HOME"}, Known(), creating=True).fields == {"state": "HOME"}


def test_a_side_may_be_named_freely(tmp_path: Path) -> None:
    text = HEAD.replace("customerp:", "left:").replace("businesscentral:", "right hand:")
    (tmp_path / "f.yaml").write_text(text + "properties:\n  name: {left: name, right hand: displayName}\n")
    systems = {"left": SYSTEMS["customerp"], "right hand": SYSTEMS["businesscentral"]}
    (flow,) = load_flows([tmp_path / "f.yaml"], systems).values()
    assert list(flow.sides) == ["left", "right hand"]


def test_three_sides(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        HEAD
        + "  third: {entity: customers}\nproperties:\n"
        + "  name: {customerp: name, businesscentral: displayName, third: name}\n"
        + "  web: {customerp: website, third: website, direction: <-}\n"
    )
    (flow,) = load_flows([tmp_path / "f.yaml"], {**SYSTEMS, "third": SYSTEMS["customerp"]}).values()
    assert flow.properties["name"].targets == frozenset(["customerp", "businesscentral", "third"])
    assert flow.properties["web"].sources == frozenset(["third"])
    assert flow.properties["web"].targets == frozenset(["customerp"])


def test_flows_of_the_same_files_are_the_same(tmp_path: Path) -> None:
    """As a thousand companies of one worker have them; a file that was changed since is read anew."""
    for folder in (tmp_path / "acme", tmp_path / "beta"):
        folder.mkdir()
        (folder / "f.yaml").write_text(HEAD + "properties:\n" + NAME)
    ours, theirs = (load_flows([tmp_path / name / "f.yaml"], SYSTEMS) for name in ("acme", "beta"))
    assert ours["customers"] is theirs["customers"]
    (tmp_path / "beta" / "f.yaml").write_text(HEAD + "properties:\n" + NAME + "  web: {customerp: wbsite}\n")
    with pytest.raises(FlowError, match="wbsite"):
        load_flows([tmp_path / "beta" / "f.yaml"], SYSTEMS)
    (tmp_path / "beta" / "f.yaml").write_text(HEAD + "properties:\n" + NAME + "  web: {customerp: website}\n")
    assert "web" in load_flows([tmp_path / "beta" / "f.yaml"], SYSTEMS)["customers"].properties
    assert "web" not in load_flows([tmp_path / "acme" / "f.yaml"], SYSTEMS)["customers"].properties
