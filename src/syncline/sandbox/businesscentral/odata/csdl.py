"""``$metadata``: what the API says of itself, as CSDL 4.0 XML made from the metadata of the entity sets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, Navigation, Property, entity_sets
from syncline.sandbox.businesscentral import schema
from syncline.sandbox.businesscentral.companies import COMPANIES, all_sets
from syncline.sandbox.businesscentral.odata.filters import UNFILTERABLE
from syncline.sandbox.businesscentral.odata.naming import NAMESPACE, enum_name, qualified
from syncline.sandbox.businesscentral.values import LARGEST, MOST_DECIMALS

CONTAINER = "NAV"
_CORE = "Org.OData.Core.V1"
_CAPABILITIES = "Org.OData.Capabilities.V1"
_VOCABULARIES = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies"
_WHOLE_DIGITS = len(str(int(LARGEST)))


@cache
def document() -> bytes:
    """The document in UTF-8. Every set is in the container, and a company has a way to each of them."""
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": "http://docs.oasis-open.org/odata/ns/edmx"})
    for vocabulary in (_CORE, _CAPABILITIES):
        reference = SubElement(root, "edmx:Reference", Uri=f"{_VOCABULARIES}/{vocabulary}.xml")
        SubElement(reference, "edmx:Include", Namespace=vocabulary)
    services = SubElement(root, "edmx:DataServices")
    said = SubElement(services, "Schema", Namespace=NAMESPACE, xmlns="http://docs.oasis-open.org/odata/ns/edm")
    sets = all_sets().values()
    for entity_set in sets:
        described = _entity_type(said, entity_set)
        _ways(described, entity_set)
        if entity_set is COMPANIES:
            _contained(described)
    for name, members in _enums(sets).items():
        _enum_type(said, name, members)
    for entity_set in sets:
        for action in entity_set.actions:
            bound = SubElement(said, "Action", Name=action, IsBound="true")
            SubElement(bound, "Parameter", Name="bindingParameter", Type=qualified(entity_set.entity), Nullable="false")
    container = SubElement(said, "EntityContainer", Name=CONTAINER)
    for entity_set in sets:
        _set(container, entity_set)
    indent(root, " ")
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _contained(company: Element) -> None:
    for entity_set in entity_sets().values():
        kind = f"Collection({qualified(entity_set.entity)})"
        SubElement(company, "NavigationProperty", Name=entity_set.name, Type=kind, ContainsTarget="true")


def _entity_type(said: Element, entity_set: EntitySet) -> Element:
    described = SubElement(said, "EntityType", Name=entity_set.entity)
    SubElement(SubElement(described, "Key"), "PropertyRef", Name=schema.key_of(entity_set))
    for name, each in entity_set.properties.items():
        _property(described, name, each)
    return described


def _property(described: Element, name: str, said: Property) -> None:
    kind = qualified(enum_name(said)) if said.type is EdmType.ENUM else said.type.value
    shown = SubElement(described, "Property", Name=name, Type=kind)
    if said.type is not EdmType.STREAM:
        shown.set("Nullable", "false")
    if said.max_length is not None:
        shown.set("MaxLength", str(said.max_length))
    if said.type is EdmType.DECIMAL:
        places = MOST_DECIMALS if said.decimals is None else said.decimals
        shown.set("Precision", str(_WHOLE_DIGITS + places))
        shown.set("Scale", str(places))
    if said.type is EdmType.DATETIME:
        shown.set("Precision", "3")
    if said.read_only:
        SubElement(shown, "Annotation", Term=f"{_CORE}.Computed", Bool="true")


def _ways(described: Element, entity_set: EntitySet) -> None:
    for name, way in _known(entity_set).items():
        target = qualified(way.entity)
        shown = SubElement(
            described, "NavigationProperty", Name=name, Type=f"Collection({target})" if way.many else target
        )
        for condition in way.conditions:
            if condition.parent:
                SubElement(
                    shown, "ReferentialConstraint", Property=condition.parent, ReferencedProperty=condition.child
                )


def _enums(sets: Iterable[EntitySet]) -> dict[str, tuple[str, ...]]:
    every = (said for entity_set in sets for said in entity_set.properties.values() if said.type is EdmType.ENUM)
    return {enum_name(said): said.members for said in every}


def _enum_type(said: Element, name: str, members: tuple[str, ...]) -> None:
    described = SubElement(said, "EnumType", Name=name)
    for value, member in enumerate(members):
        SubElement(described, "Member", Name=member, Value=str(value))


def _set(container: Element, entity_set: EntitySet) -> None:
    shown = SubElement(container, "EntitySet", Name=entity_set.name, EntityType=qualified(entity_set.entity))
    for name, way in _known(entity_set).items():
        SubElement(shown, "NavigationPropertyBinding", Path=name, Target=way.entity_set)
    if entity_set is not COMPANIES:  # the product's answers for companies carry no version
        concurrency = SubElement(shown, "Annotation", Term=f"{_CORE}.OptimisticConcurrency")
        SubElement(concurrency, "Collection")
    _allowed(shown, "InsertRestrictions", "Insertable", entity_set.insert)
    _allowed(shown, "UpdateRestrictions", "Updatable", entity_set.modify)
    _allowed(shown, "DeleteRestrictions", "Deletable", entity_set.delete)
    if refused := UNFILTERABLE.get(entity_set.name):
        record = _record(shown, "FilterRestrictions")
        names = SubElement(SubElement(record, "PropertyValue", Property="NonFilterableProperties"), "Collection")
        for name in sorted(refused):
            SubElement(names, "PropertyPath").text = name


def _allowed(shown: Element, term: str, what: str, allowed: bool) -> None:
    SubElement(_record(shown, term), "PropertyValue", Property=what, Bool="true" if allowed else "false")


def _record(shown: Element, term: str) -> Element:
    return SubElement(SubElement(shown, "Annotation", Term=f"{_CAPABILITIES}.{term}"), "Record")


def _known(entity_set: EntitySet) -> dict[str, Navigation]:
    """The ways to sets that are served: a type that is described nowhere cannot be named."""
    return {name: way for name, way in entity_set.navigations.items() if way.entity_set in entity_sets()}
