"""Access: tokens of organizers and districts, shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from allocator.errors import InputError, Problem
from allocator.store.engine import reading, writing
from allocator.store.runs import now
from allocator.store.schema import EVERYBODY, tokens


@dataclass(frozen=True)
class Token:
    """A token without its secret; `district` None: it is the organizers'."""

    id: int
    district: str | None
    note: str
    created: str
    revoked: str | None

    @property
    def owner(self) -> str:
        return self.district if self.district is not None else "organizers"


def hashed(secret: str) -> str:
    """Return what is kept of a token: it is 256 random bits, so a plain hash tells nothing of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """The tokens of a store."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine

    def create(self, district: str | None, note: str = "") -> tuple[Token, str]:
        """Make a token of a district, or of the organizers; return it and its secret, seen this once.

        Raises `InputError` where the district is blank or the mark of everybody's rows.
        """
        if district is not None and (not district.strip() or district == EVERYBODY):
            raise InputError([Problem("--district", None, None, district, "the code of a district", "no_district")])
        secret = secrets.token_urlsafe(32)
        row = {"hash": hashed(secret), "district": district, "note": note, "created": now(), "revoked": None}
        with writing(self._engine) as connection:
            number = int(connection.execute(tokens.insert().values(row)).inserted_primary_key[0])  # type: ignore[index]
        return Token(number, district, note, row["created"] or "", None), secret

    def all(self) -> list[Token]:
        with reading(self._engine) as connection:
            return [_token(row) for row in connection.execute(sa.select(tokens).order_by(tokens.c.id))]

    def revoke(self, number: int) -> Token:
        """End a token; ending it twice changes nothing. Raises `InputError` where there is no such token."""
        with writing(self._engine) as connection:
            ended = tokens.update().where(tokens.c.id == number, tokens.c.revoked.is_(None))
            connection.execute(ended.values(revoked=now()))
            row = connection.execute(sa.select(tokens).where(tokens.c.id == number)).one_or_none()
        if row is None:
            expected = "the id of a token; `allocator token list` shows them"
            raise InputError([Problem("ID", None, None, str(number), expected, "unknown_token")])
        return _token(row)

    def who(self, secret: str) -> Token | None:
        """Return whose token it is; None where it is nobody's or was revoked."""
        query = sa.select(tokens).where(tokens.c.hash == hashed(secret), tokens.c.revoked.is_(None))
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _token(row)


def _token(row: sa.Row[tuple[object, ...]]) -> Token:
    return Token(row.id, row.district, row.note, row.created, row.revoked)
