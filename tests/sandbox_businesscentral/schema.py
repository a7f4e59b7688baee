"""What ``$metadata`` describes, by its names."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, fromstring

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_SERVICES = "{http://docs.oasis-open.org/odata/ns/edmx}DataServices"


class Schema:
    """The one schema of the document, by the names of what it describes."""

    def __init__(self, document: bytes) -> None:
        found = fromstring(document).find(f"{_SERVICES}/{EDM}Schema")
        assert found is not None
        self.element = found
        self.namespace = found.attrib["Namespace"]
        self.types = {each.attrib["Name"]: each for each in found.findall(f"{EDM}EntityType")}
        self.enums = {each.attrib["Name"]: each for each in found.findall(f"{EDM}EnumType")}
        container = found.find(f"{EDM}EntityContainer")
        assert container is not None
        self.container = container
        self.sets = {each.attrib["Name"]: each for each in container}

    def properties(self, entity: str) -> Mapping[str, Element]:
        return {each.attrib["Name"]: each for each in self.types[entity].findall(f"{EDM}Property")}

    def ways(self, entity: str) -> Mapping[str, Element]:
        return {each.attrib["Name"]: each for each in self.types[entity].findall(f"{EDM}NavigationProperty")}

    def local(self, name: str) -> str:
        """Of a type of this schema, alone or in a collection."""
        inner = name.removeprefix("Collection(").removesuffix(")")
        assert inner.startswith(f"{self.namespace}."), name
        return inner.removeprefix(f"{self.namespace}.")
