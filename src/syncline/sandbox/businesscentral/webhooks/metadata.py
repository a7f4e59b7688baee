"""What the API says of subscriptions, and which sets may be subscribed to; after the product's documentation."""

from __future__ import annotations

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, Property

SUPPORTED = frozenset(
    "accounts companyInformation countriesRegions currencies customerPaymentJournals customers dimensions employees "
    "generalLedgerEntries itemCategories items journals paymentMethods paymentTerms purchaseInvoices "
    "salesCreditMemos salesInvoices salesOrders salesQuotes shipmentMethods unitsOfMeasure vendors".split()
)
"""The product's list. Contacts are not on it."""

SUBSCRIPTIONS = EntitySet(
    name="subscriptions",
    entity="subscription",
    insert=True,
    modify=True,
    delete=True,
    actions=(),
    properties={
        "subscriptionId": Property(type=EdmType.STRING, max_length=150),
        "notificationUrl": Property(type=EdmType.STRING),
        "resource": Property(type=EdmType.STRING),
        "timestamp": Property(type=EdmType.INT64, read_only=True),  # counted from 1 here
        "userId": Property(type=EdmType.GUID, read_only=True),
        "lastModifiedDateTime": Property(type=EdmType.DATETIME, read_only=True),
        "clientState": Property(type=EdmType.STRING, max_length=2048),
        "expirationDateTime": Property(type=EdmType.DATETIME, read_only=True),
        "systemCreatedAt": Property(type=EdmType.DATETIME, read_only=True),
        "systemCreatedBy": Property(type=EdmType.GUID, read_only=True),
        "systemModifiedAt": Property(type=EdmType.DATETIME, read_only=True),
        "systemModifiedBy": Property(type=EdmType.GUID, read_only=True),
    },
    navigations={},
)
