"""Stories between the real connectors that once ended badly, each as small as it could be made."""

from __future__ import annotations

from decimal import Decimal

from simulation.course import SCRIPTED, Events
from simulation.script import Act, Fault
from simulation.shrink import play
from simulation.wired.spelling import BC, ENTITIES, ERP, SIDES
from simulation.wired.world import Config, Style
from syncline.mapping.model import Deletion


def _ends_badly(events: Events, delete: Deletion = Deletion.ASK, *, passes: int = 2) -> list[str]:
    """What is wrong after this story, between sandboxes at which nobody signs in."""
    config = Config(
        styles={side: Style(signed=False, page=500, ahead=0) for side in SIDES},
        asked=False,
        delete=dict.fromkeys(ENTITIES, delete),
        passes=passes,
        **SCRIPTED,
    )
    return [str(wrong) for wrong in play(config, events).wrong]


def test_a_record_whose_code_could_not_be_created_just_now_is_tried_again() -> None:
    values: dict[str, str | Decimal | None] = {"name": "v2", "category": "v3", "price": Decimal(4)}
    product = Act(verb="create", side=ERP, entity="products", trace="p1", values=values)
    for fault in (Fault(name="busy", seconds=90), Fault(name="unheard"), Fault(name="failed")):
        assert not _ends_badly({"1 people between 1": [product], f"1 {BC} write itemCategories 1": [fault]})
