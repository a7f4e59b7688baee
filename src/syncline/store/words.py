"""The words by which people find a link: kept beside it and indexed, so that no search goes through what is held.

Words are folded: letter case, accents and punctuation are no difference. ``_customers`` among a link's words is its
flow, so that the index itself finds those of one flow; folded text never has such a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from sqlalchemy import Connection, text

from syncline.records import Shadow
from syncline.store.own import LEXEMES
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
        for (link, _), shadow in sorted(shadows(connection, piece).items(), key=itemgetter(0)):
            known[link].append(shadow)
        flows = {id_: link.flow for id_, link in links(connection, piece).items()}
        found += ({"link": i, "words": words_of(flows[i], known[i])} for i in known if i in flows)
    return found


def search(connection: Connection, asked: str, flow: str | None, limit: int) -> list[str]:
    """Links that have all these words, at most so many; of one word, or where there are none, also those with
    words of which the last begins so.
    """
    told = fold(asked[:_LONGEST])[:_ASKED]
    if not told:
        return []
    digits = "".join(told)
    variants = [told]
    if len(told) > 1 and digits.isdigit():
        variants.append([digits])  # a telephone number, however it is spaced
    find = _FIND[connection.dialect.name]
    flows = [f"_{flow}"] if flow is not None else []
    found: dict[str, None] = {}
    for each in variants:
        found |= dict.fromkeys(find(connection, [*each, *flows], None, limit))
    if len(found) >= limit or (found and len(told) > 1):
        return list(found)[:limit]
    for *others, last in variants:
        if len(last) >= _SHORTEST:
            found |= dict.fromkeys(find(connection, [*others, *flows], last, limit))
    return list(found)[:limit]


# --- the index, as each database is asked: which links have all of these words, and one that begins so


def _find_sqlite(connection: Connection, words: list[str], start: str | None, limit: int) -> list[str]:
    wanted = list(map(_quoted, words))
    if start is not None:
        wanted.append(_beginning(connection, start, limit, is_all=bool(wanted)))
    return list(connection.scalars(_MATCHING, {"asked": " AND ".join(wanted), "most": limit}))


def _beginning(connection: Connection, start: str, limit: int, *, is_all: bool) -> str:
    """What finds the words that begin so: these words themselves, since the index goes through all that have any of
    them before it tells the first; of very many some are enough, unless ``is_all``.
    """
    found: list[str] = []
    after = start
    while len(found) < limit:
        word = connection.scalar(_NEXT, {"after": after})
        if word is None or not word.startswith(start):
            break
        found.append(_quoted(word))
        after = word + "!"  # less than whatever a word goes on with
    if len(found) == limit and is_all:
        return f"{_quoted(start)} *"
    return f"({' OR '.join(found or [_quoted(start)])})"


def _quoted(word: str) -> str:
    return f'"{word}"'


def _find_postgresql(connection: Connection, words: list[str], start: str | None, limit: int) -> list[str]:
    wanted = [f"'{word}'" for word in words] + ([f"'{start}':*"] if start is not None else [])
    return list(connection.scalars(_LEXEMES, {"asked": " & ".join(wanted), "most": limit}))


_FIND: Mapping[str, Callable[[Connection, list[str], str | None, int], list[str]]] = {
    "sqlite": _find_sqlite,
    "postgresql": _find_postgresql,
}
_NEXT = text("SELECT term FROM word_index_terms WHERE term >= :after LIMIT 1")
_MATCHING = text(
    "SELECT link FROM words WHERE seq IN (SELECT rowid FROM word_index WHERE word_index MATCH :asked LIMIT :most)"
)
_LEXEMES = text(
    f"SELECT link FROM (SELECT link, seq FROM words WHERE {LEXEMES} @@ CAST(:asked AS tsquery) LIMIT :most) AS found "  # noqa: S608
    "ORDER BY seq"
)
