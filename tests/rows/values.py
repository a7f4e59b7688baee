"""What each property is set to, spelled for each side by hand: nothing here comes from a lens.

Every row of the flow files that either side may start from must stand here; a test holds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Code(NamedTuple):
    """A row of a code table in Business Central, which wants its id."""

    table: str
    code: str


class Record(NamedTuple):
    """Another record, by the name under which the test made it on both sides."""

    name: str


Spelled = tuple[Any, Any]
"""In Customerp, in Business Central."""

_PLACE: Mapping[str, Spelled] = {
    "street": ("Storgata 7", "Storgata 7"),
    "street2": ("2nd floor", "2nd floor"),
    "city": ("Bergen", "Bergen"),
    "region": ("Vestland", "Vestland"),
    "postalCode": ("ec1a 1bb", "EC1A 1BB"),
    "country": ("NO", "NO"),
}

VALUES: Mapping[str, Mapping[str, Spelled]] = {
    "customers": {
        **_PLACE,
        "name": ("Édouard & Søn", "Édouard & Søn"),
        "phone": ("+4721000000", "+4721000000"),
        "email": ("new@a.example", "new@a.example"),
        "website": ("https://a.example", "https://a.example"),
        "organisationNumber": ("NO987654321", "NO987654321"),
        "currency": ("USD", "USD"),
        "paymentTerms": ("14D", Code("paymentTerms", "14D")),
        "paymentMethod": ("CARD", Code("paymentMethods", "CARD")),
        "deliveryTerms": ("DAP", Code("shipmentMethods", "DAP")),
        "salesperson": ("AL", "AL"),
        "creditLimit": (1234.5, 1234.5),
        "taxable": (True, True),
        "taxArea": ("EU", Code("taxAreas", "EU")),
        "hold": ("invoicing", "Invoice"),
    },
    "products": {
        "name": ("Ørn, 2 l", "Ørn, 2 l"),
        "name2": ("spare part", "spare part"),
        "kind": ("nonstock", "Non_x002D_Inventory"),
        "category": ("DESK", "DESK"),
        "barcode": ("5901234123457", "5901234123457"),
        "unit": ("BOX", "BOX"),
        "price": (19.95, 19.95),
        "priceIncludesTax": (True, True),
        "cost": (7.25, 7.25),
        "taxGroup": ("REDUCED", "REDUCED"),
        "active": (False, True),
    },
    "contacts": {
        **_PLACE,
        "name": (("Anne", "Berg"), "Anne Berg"),
        "jobTitle": ("Buyer", "Buyer"),
        "customer": (Record("other"), Record("other")),
        "phone": ("+4721000000", "+4721000000"),
        "mobile": ("+4791000000", "+4791000000"),
        "email": ("new@p.example", "new@p.example"),
        "website": ("https://p.example", "https://p.example"),
        "doNotContact": (True, True),
        "searchName": ("annie", "ANNIE"),
        "organisationNumber": ("NO123456789", "NO123456789"),
    },
    "orders": {
        "orderNo": ("PO-77/a", "PO-77/A"),
        "customer": (Record("other"), Record("other")),
        "billToCustomer": (Record("other"), Record("other")),
        "orderDate": ("2026-02-03", "2026-02-03"),
        "postingDate": ("2026-02-04", "2026-02-04"),
        "requestedDelivery": ("2026-02-05", "2026-02-05"),
        **{f"soldTo{name[0].upper()}{name[1:]}": spelled for name, spelled in _PLACE.items()},
        "department": ("SALES", "SALES"),
        "project": ("NORTH", "NORTH"),
        "shipToName": ("Yard", "Yard"),
        "shipToContact": ("Bo", "Bo"),
        **{f"shipTo{name[0].upper()}{name[1:]}": spelled for name, spelled in _PLACE.items()},
        "currency": ("USD", "USD"),
        "paymentTerms": ("14D", Code("paymentTerms", "14D")),
        "deliveryTerms": ("DAP", Code("shipmentMethods", "DAP")),
        "salesperson": ("AL", "AL"),
        "pricesIncludeTax": (True, True),
        "allowPartialShipping": (True, True),
        "discountAmount": (5, 5),
        "phone": ("+4721000000", "+4721000000"),
        "email": ("new@o.example", "new@o.example"),
    },
}

LINE_VALUES: Mapping[str, Spelled] = {
    "product": (Record("thing"), Record("thing")),
    "description": ("by hand", "by hand"),
    "description2": ("with care", "with care"),
    "quantity": (7, 7),
    "unit": ("BOX", "BOX"),
    "unitPrice": (12.34, 12.34),
    "discountPercent": (10, 10),
    "deliveryDate": ("2026-03-04", "2026-03-04"),
    "taxCode": ("REDUCED", "REDUCED"),
    "variant": ("RED", Code("itemVariants", "RED")),
    "location": ("EAST", Code("locations", "EAST")),
    "toShip": (1, 1),
    "toInvoice": (1, 1),
}
