"""What types are called on the wire, as the documentation's resource pages call them."""

from __future__ import annotations

import re

from syncline.connectors.businesscentral.metadata import Property

NAMESPACE = "Microsoft.NAV"


def qualified(name: str) -> str:
    return f"{NAMESPACE}.{name}"


def enum_name(said: Property) -> str:
    """``G/L Account Type`` is ``glAccountType``; an option without a type of its own is called by table and field."""
    words = re.findall(r"[A-Za-z0-9]+", said.enum or said.column or "")
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return re.sub(r"^[A-Z]+(?=[A-Z][a-z])|^[A-Z]", lambda found: found[0].lower(), joined)
