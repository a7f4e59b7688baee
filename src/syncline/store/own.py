"""What SQLite and PostgreSQL each have their own words for: the index of words, counting, inserting what may be there.

Both mean the same. The statements of `OWN` follow those that make the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert: TypeAlias = sqlite.Insert | postgresql.Insert
    Inserter: TypeAlias = Callable[[Table], Insert]


@cache
def inserter(dialect: str) -> Inserter:
    """Makes what inserts a row, or changes the one that is there already."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as into_postgresql  # takes a moment that files need not wait

        return into_postgresql
    from sqlalchemy.dialects.sqlite import insert

    return insert


_SQLITE = (
    # The words' index. What it holds is in the table, so it need not hold it once more; it tells neither places nor
    # lengths, which nobody asks for.
    (
        "CREATE VIRTUAL TABLE word_index USING fts5(words, content='words', content_rowid='seq', detail='none', "
        "columnsize=0, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_-'\")"
    ),
    # The words that the index has, in their order: to find those that begin so.
    "CREATE VIRTUAL TABLE word_index_terms USING fts5vocab('word_index', 'instance')",
    (
        "CREATE TRIGGER words_came AFTER INSERT ON words BEGIN "
        "INSERT INTO word_index (rowid, words) VALUES (new.seq, new.words); END"
    ),
    (
        "CREATE TRIGGER words_went AFTER DELETE ON words BEGIN "
        "INSERT INTO word_index (word_index, rowid, words) VALUES ('delete', old.seq, old.words); END"
    ),
    (
        "CREATE TRIGGER words_changed AFTER UPDATE OF words ON words WHEN old.words <> new.words BEGIN "
        "INSERT INTO word_index (word_index, rowid, words) VALUES ('delete', old.seq, old.words); "
        "INSERT INTO word_index (rowid, words) VALUES (new.seq, new.words); END"
    ),
    # How many links a flow has in which state.
    (
        "CREATE TRIGGER links_came AFTER INSERT ON links BEGIN "
        "INSERT INTO tallies (flow, state, links) VALUES (new.flow, new.state, 1) "
        "ON CONFLICT (flow, state) DO UPDATE SET links = links + 1; END"
    ),
    (
        "CREATE TRIGGER links_went AFTER DELETE ON links BEGIN "
        "UPDATE tallies SET links = links - 1 WHERE flow = old.flow AND state = old.state; END"
    ),
    (
        "CREATE TRIGGER links_changed AFTER UPDATE OF state ON links WHEN old.state <> new.state BEGIN "
        "UPDATE tallies SET links = links - 1 WHERE flow = old.flow AND state = old.state; "
        "INSERT INTO tallies (flow, state, links) VALUES (new.flow, new.state, 1) "
        "ON CONFLICT (flow, state) DO UPDATE SET links = links + 1; END"
    ),
)

LEXEMES = "array_to_tsvector(string_to_array(words, ' '))"
"""A row's words as PostgreSQL looks for them: just these, not bent by the grammar of some language."""

_POSTGRESQL = (
    f"CREATE INDEX word_index ON words USING gin ({LEXEMES})",
    # How many links a flow has in which state. With the path of today, whoever writes to the table later on.
    (
        "CREATE FUNCTION tally_links() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN "
        "IF TG_OP <> 'INSERT' THEN "
        "UPDATE tallies SET links = links - 1 WHERE flow = old.flow AND state = old.state; END IF; "
        "IF TG_OP <> 'DELETE' THEN "
        "INSERT INTO tallies (flow, state, links) VALUES (new.flow, new.state, 1) "
        "ON CONFLICT (flow, state) DO UPDATE SET links = tallies.links + 1; END IF; "
        "RETURN NULL; END $$"
    ),
    ("CREATE TRIGGER links_came_or_went AFTER INSERT OR DELETE ON links FOR EACH ROW EXECUTE FUNCTION tally_links()"),
    (
        "CREATE TRIGGER links_changed AFTER UPDATE OF state ON links FOR EACH ROW "
        "WHEN (old.state <> new.state) EXECUTE FUNCTION tally_links()"
    ),
)

OWN = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""By dialect."""
