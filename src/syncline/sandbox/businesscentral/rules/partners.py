"""What customers and vendors share: the contact that each comes with, and the checks of how they are reached.

Followed from the base application's ``Customer.Table``, ``Vendor.Table``, ``CustContUpdate`` and ``VendContUpdate``.
"""

from __future__ import annotations

from typing import ClassVar

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.rules import communication
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.businessrelations import IN_COMMON, make_contact, part, update_contact
from syncline.sandbox.businesscentral.rules.dimensions import forget_defaults
from syncline.sandbox.businesscentral.values import Stored


class PartnerRules(Rules):
    kind: ClassVar[str]
    """What the contact's business relation calls it."""

    def start(self, draft: Draft) -> None:
        draft.values["currencyCode"] = draft.company.local_currency

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        communication.check(name, value)
        super().apply(draft, name, str(value).upper() if name == "taxRegistrationNumber" else value)

    def saved(self, draft: Draft) -> None:
        super().saved(draft)
        if draft.new:
            make_contact(draft.company, draft.values, self.kind)
        elif draft.changed(*IN_COMMON):
            update_contact(draft.company, draft.values, self.kind)

    def deleted(self, company: Company, row: Row) -> None:
        part(company, row, self.kind)
        forget_defaults(company, row["id"])
