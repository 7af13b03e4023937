"""The jobs on the provider's books: SQL and the rules of a charge's life. Run by `Book.do`."""

import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from cafe_kit.errors import ConflictError, NotFoundError, UnprocessableError
from cafe_kit.ledger_index import moment

from cafe_provider.models import Action, Charge, ChargeInput, Faults, Period, State

COLUMNS = "charge_id, reference, store_id, amount_minor, currency, placed_at, state, reason"
ENDS: dict[Action, State] = {"capture": "captured", "void": "voided", "refund": "refunded"}
BEGINS: dict[Action, State] = {"capture": "authorised", "void": "authorised", "refund": "captured"}
SAME_REFERENCE = 100


def charge(
    book: sqlite3.Connection, wanted: ChargeInput, *, key: str | None, decline: str | None
) -> Charge:
    """Charge the card; with a key that is known, the charge that it made.

    Raises:
        UnprocessableError: the key made another charge.
    """
    request = wanted.model_dump_json(by_alias=True)
    if key is not None:
        known = book.execute("SELECT charge_id, request FROM keys WHERE key = ?", (key,)).fetchone()
        if known is not None:
            if known["request"] != request:
                raise UnprocessableError(
                    "This Idempotency-Key made another charge.",
                    slug="key-reused",
                    field="Idempotency-Key",
                    remedy="Use one key for one charge.",
                )
            return find(book, known["charge_id"])
    paid: State = "captured" if wanted.capture else "authorised"
    made = Charge(f"ch_{secrets.token_hex(12)}", wanted, "declined" if decline else paid, decline)
    book.execute(
        f"INSERT INTO charges ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        (
            made.charge_id,
            wanted.reference,
            wanted.store_id,
            wanted.amount_minor,
            wanted.currency,
            moment(wanted.placed_at),
            made.state,
            made.reason,
        ),
    )
    if key is not None:
        book.execute("INSERT INTO keys VALUES (?, ?, ?)", (key, made.charge_id, request))
    return made


def find(book: sqlite3.Connection, charge_id: str) -> Charge:
    """One charge.

    Raises:
        NotFoundError: there is none.
    """
    query = f"SELECT {COLUMNS} FROM charges WHERE charge_id = ?"  # noqa: S608 - a constant
    row = book.execute(query, (charge_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no charge {charge_id}.", slug="charge-not-found")
    return _charge(row)


def with_reference(book: sqlite3.Connection, reference: str) -> list[Charge]:
    """All charges with a reference, oldest first."""
    query = f"SELECT {COLUMNS} FROM charges WHERE reference = ? ORDER BY serial LIMIT ?"  # noqa: S608 - a constant
    return [_charge(row) for row in book.execute(query, (reference, SAME_REFERENCE))]


def settle(book: sqlite3.Connection, charge_id: str, action: Action) -> Charge:
    """Capture, void or refund; repeating it changes nothing.

    Raises:
        NotFoundError: there is no such charge.
        ConflictError: its state does not allow it; `state` says which it is in.
    """
    known = find(book, charge_id)
    end = ENDS[action]
    if known.state == end:
        return known
    if known.state != BEGINS[action]:
        raise ConflictError(
            f"Charge {charge_id} is {known.state}: it cannot be {end}.",
            slug="charge-state",
            remedy="Read the charge, then decide.",
            extra={"state": known.state},
        )
    book.execute("UPDATE charges SET state = ? WHERE charge_id = ?", (end, charge_id))
    return Charge(charge_id, known.wanted, end, known.reason)


def rows(
    book: sqlite3.Connection, period: Period, *, after: tuple[str, int], limit: int
) -> Sequence[tuple[int, Charge]]:
    """Serial and charge of a period's rows after a position, by the orders' time."""
    query = (
        f"SELECT serial, {COLUMNS} FROM charges "  # noqa: S608 - a constant
        "WHERE placed_at >= :since AND placed_at < :until AND (placed_at, serial) > (:at, :serial) "
        "AND (:store IS NULL OR store_id = :store) ORDER BY placed_at, serial LIMIT :limit"
    )
    values = {
        "since": moment(period.since),
        "until": moment(period.until),
        "at": after[0],
        "serial": after[1],
        "store": period.store_id,
        "limit": limit,
    }
    return [(row["serial"], _charge(row)) for row in book.execute(query, values)]


def count_try(book: sqlite3.Connection, subject: str) -> int:
    """The how-manieth try this is; counted only while chance has a say."""
    query = (
        "INSERT INTO tries VALUES (?, 1) "
        "ON CONFLICT (subject) DO UPDATE SET count = count + 1 RETURNING count"
    )
    return int(book.execute(query, (subject,)).fetchone()["count"])


def forget_keys(book: sqlite3.Connection) -> None:
    """As a provider whose memory of keys is lost."""
    book.execute("DELETE FROM keys")


def read_faults(book: sqlite3.Connection) -> Faults:
    """The faults that were set last; a restart does not heal."""
    row = book.execute("SELECT document FROM faults").fetchone()
    return Faults.model_validate_json(row["document"]) if row else Faults()


def write_faults(book: sqlite3.Connection, faults: Faults) -> None:
    """Set the faults, and begin their chances anew."""
    book.execute("DELETE FROM tries")
    book.execute("REPLACE INTO faults VALUES (1, ?)", (faults.model_dump_json(),))


def _charge(row: sqlite3.Row) -> Charge:
    wanted = ChargeInput.model_construct(
        reference=row["reference"],
        store_id=row["store_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        placed_at=datetime.fromisoformat(row["placed_at"]),
        capture=False,
    )
    return Charge(row["charge_id"], wanted, row["state"], row["reason"])
