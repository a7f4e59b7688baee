"""The words by which people find a link: kept beside it and indexed, so that no search goes through what is held.

Words are folded: letter case, accents and punctuation are no difference. ``_customers`` among a link's words is its
flow, so that the index itself finds those of one flow; folded text never has such a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, text

from syncline.records import Shadow
from syncline.store.reading import cut, links, shadows

_WORD = re.compile(r"[^\W_]+")
_REFERENCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 200
"""Letters of a value that are looked at: a note is not found by its last sentence."""
_MOST = 64
"""Words of a link."""
_ASKED = 12
"""Words that are looked for."""
_SHORTEST = 2
"""Letters that the beginning of a word must have to be looked for as one."""


def fold(told: str) -> list[str]:
    """Its words, in small letters without accents."""
    small = told.casefold()
    if not small.isascii():
        small = "".join(c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))
    return _WORD.findall(small)


def words_of(flow: str, known: Iterable[Shadow]) -> str:
    """All words of a link, each once; without those of references, which are ids that nobody knows."""
    told = dict.fromkeys(value for shadow in known for value in shadow.values.values() if isinstance(value, str))
    text = " ".join(value[:_LONGEST] for value in told if not _REFERENCE.fullmatch(value))
    return " ".join([f"_{flow}", *list(dict.fromkeys(fold(text)))[:_MOST]])


def index(connection: Connection, ids: Iterable[str]) -> list[dict[str, str]]:
    """The rows of these links, from what is known of them now."""
    found: list[dict[str, str]] = []
    for piece in cut(ids):
        known: defaultdict[str, list[Shadow]] = defaultdict(list)
        for (link, _), shadow in shadows(connection, piece).items():
            known[link].append(shadow)
        flows = {id_: link.flow for id_, link in links(connection, piece).items()}
        found += ({"link": i, "words": words_of(flows[i], known[i])} for i in known if i in flows)
    return found


def search(connection: Connection, asked: str, flow: str | None, limit: int) -> list[str]:
    """Links that have all these words, then those that have words that begin so; at most so many."""
    told = fold(asked[:_LONGEST])[:_ASKED]
    digits = "".join(told)
    variants = [told]
    if len(told) > 1 and digits.isdigit():
        variants.append([digits])  # a telephone number, however it is spaced
    found: dict[str, None] = {}
    for begins in (False, True):
        for each in variants:
            if not each or (begins and len(each[-1]) < _SHORTEST):
                continue
            wanted = [f'"{word}"' for word in each]
            wanted[-1] += " *" if begins else ""
            wanted += [f'"_{flow}"'] if flow is not None else []
            rows = connection.scalars(_MATCHING, {"asked": " ".join(wanted), "most": limit})
            found |= dict.fromkeys(str(link) for link in rows)
        if len(found) >= limit:
            break
    return list(found)[:limit]


_MATCHING = text(
    "SELECT link FROM words WHERE seq IN (SELECT rowid FROM word_index WHERE word_index MATCH :asked LIMIT :most)"
)
