"""Who may use the console, and who is signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from syncline.store import tables as t
from syncline.store.memory import Session, User


def users(connection: Connection) -> tuple[User, ...]:
    rows = connection.execute(select(t.users).order_by(t.users.c.name))
    return tuple(User(**row._mapping) for row in rows)


def user(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(t.users).where(t.users.c.name == name)).first()
    return None if row is None else User(**row._mapping)


def add_user(connection: Connection, told: User) -> None:
    """Raises ``sqlalchemy.exc.IntegrityError`` where there is one of the name."""
    connection.execute(insert(t.users).values({name: getattr(told, name) for name in told.__struct_fields__}))


def remove_user(connection: Connection, name: str) -> bool:
    """Whether there was one. Wherever they are signed in, that ends."""
    connection.execute(delete(t.sessions).where(t.sessions.c.user == name))
    found = connection.scalar(select(func.count()).select_from(t.users).where(t.users.c.name == name))
    connection.execute(delete(t.users).where(t.users.c.name == name))
    return bool(found)


def session(connection: Connection, token: str, now: datetime) -> Session | None:
    """Unless it has expired."""
    s = t.sessions.c
    row = connection.execute(select(t.sessions).where(s.token == token, s.expires > now)).first()
    return None if row is None else Session(**row._mapping)


def begin_session(connection: Connection, told: Session, now: datetime) -> None:
    """Those that have expired are forgotten."""
    connection.execute(delete(t.sessions).where(t.sessions.c.expires <= now))
    connection.execute(insert(t.sessions).values({name: getattr(told, name) for name in told.__struct_fields__}))


def end_session(connection: Connection, token: str) -> None:
    connection.execute(delete(t.sessions).where(t.sessions.c.token == token))
