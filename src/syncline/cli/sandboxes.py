"""``sandbox``: the two systems as local servers."""

from __future__ import annotations

from syncline.cli.lazy import LazyGroup

sandbox_command = LazyGroup(
    "sandbox",
    help="A system to try things on: a real server on this machine, started until ctrl-c.",
    sections={
        "Systems": {
            "businesscentral": (
                "syncline.sandbox.businesscentral.command:businesscentral_command",
                "Business Central's API v2.0.",
            ),
            "customerp": ("syncline.sandbox.customerp.command:customerp_command", "Customerp, the reference ERP."),
        }
    },
)
