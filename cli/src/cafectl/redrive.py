"""Putting back what was parked, after its cause was mended. Used by `cafectl redrive`.

A dead letter says in its attributes why, for whom and whence it came (`sqs:<queue>` or
`kinesis:<stream>`). It is sent to its source first and deleted afterwards: a crash between the two
leaves it twice, which every consumer of ours takes for the repetition that it is.
"""

from __future__ import annotations

import base64
import binascii
import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

HIDDEN_S = 60
EMPTY_IN_A_ROW = 2  # receives, before a queue is taken to be empty
FIFO = ".fifo"
DEAD = "-dlq"
LONGEST_GROUP = 128
OUTBOX_PAGE = 100


class RedriveError(Exception):
    """It cannot be done; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A parked message. `sent_at` is when it was parked, in seconds of the Unix clock."""

    id: str
    body: str
    receipt: str
    group: str = ""
    sent_at: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


class Post(Protocol):
    """The calls that redriving needs; `aws.AwsPost` makes them. RedriveError where one fails."""

    def waiting(self, queue: str) -> int:
        """Return about how many messages a queue has."""

    def receive(self, queue: str, *, most: int, hidden_seconds: int) -> list[Letter]:
        """Take messages out of sight for a while."""

    def delete(self, queue: str, letter: Letter) -> None:
        """Remove a message for good."""

    def show_again(self, queue: str, letter: Letter) -> None:
        """Let others see a message at once."""

    def send(self, queue: str, body: str, *, group: str, dedup: str) -> None:
        """Send to a queue."""

    def put(self, stream: str, body: bytes, *, partition_key: str) -> None:
        """Put one record on a stream."""


@dataclass(frozen=True, slots=True)
class Row:
    """One parked message as it is shown; `outcome` says what became of it."""

    id: str
    source: str
    consumer: str
    about: str
    reason: str
    at: str
    outcome: str


@dataclass(slots=True)
class Redriven:
    """What was done. `left` is about how many are still parked."""

    rows: list[Row] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    left: int = 0


def dead_letters_of(queue: str) -> str:
    """Return a queue's dead-letter queue, or the name itself where it is one already."""
    stem = queue.removesuffix(FIFO)
    fifo = FIFO if queue.endswith(FIFO) else ""
    return f"{stem.removesuffix(DEAD)}{DEAD}{fifo}"


def letters(
    post: Post, queue: str, room: Callable[[], int], *, hidden_seconds: int, follow: bool = False
) -> Iterator[Letter]:
    """Yield messages while there is room; without `follow` until none is left.

    SQS may answer with nothing though there is something: one empty answer is no end.
    """
    empty = 0
    while (most := room()) > 0 and (follow or empty < EMPTY_IN_A_ROW):
        received = post.receive(queue, most=most, hidden_seconds=hidden_seconds)
        empty = 0 if received else empty + 1
        yield from received


def redrive_queue(
    post: Post, queue: str, *, limit: int, dry_run: bool, now: Callable[[], float]
) -> Redriven:
    """Put up to `limit` dead letters back to where they came from, or only show them.

    What is parked again meanwhile is left alone: otherwise one that fails at once would go in
    circles for as long as this runs.
    """
    parked = dead_letters_of(queue)
    began, found = now(), Redriven()
    kept: list[Letter] = []
    try:
        for letter in letters(
            post, parked, lambda: limit - len(found.rows), hidden_seconds=HIDDEN_S
        ):
            if letter.sent_at > began:
                kept.append(letter)
                continue
            row, gone = _one(post, parked, letter, dry_run=dry_run)
            found.rows.append(row)
            found.done += gone
            found.refused += not gone and not dry_run
            if not gone:
                kept.append(letter)
    finally:
        for letter in kept:
            post.show_again(parked, letter)
    found.left = post.waiting(parked)
    return found


def _one(post: Post, parked: str, letter: Letter, *, dry_run: bool) -> tuple[Row, bool]:
    """Put one letter back; a letter that cannot be is told and stays."""
    source = letter.attributes.get("source") or f"sqs:{_source_of(parked)}"
    outcome, gone = "parked", False
    if not dry_run:
        try:
            _put_back(post, source, letter)
        except RedriveError as problem:
            outcome = f"stays: {problem}"
        else:
            post.delete(parked, letter)
            outcome, gone = f"put back to {source}", True
    told = letter.attributes
    row = Row(
        id=letter.id,
        source=source,
        consumer=told.get("consumer", ""),
        about=told.get("partitionKey") or letter.group,
        reason=told.get("reason") or "received too often without success",
        at=told.get("at", ""),
        outcome=outcome,
    )
    return row, gone


def _put_back(post: Post, source: str, letter: Letter) -> None:
    kind, _, name = source.partition(":")
    about = letter.attributes.get("partitionKey") or letter.group or letter.id
    body = _body(letter)
    if kind == "kinesis" and name:
        post.put(name, body, partition_key=about)
    elif kind == "sqs" and name:
        try:
            text = body.decode()
        except UnicodeDecodeError as problem:
            raise RedriveError("its body is no text, which SQS does not take") from problem
        group = letter.group or about[:LONGEST_GROUP]
        # the letter's own id: within five minutes a second try of ours is dropped by the queue
        post.send(name, text, group=group, dedup=f"redrive-{letter.id}")
    else:
        raise RedriveError(f"its source {source!r} is neither sqs:<queue> nor kinesis:<stream>")


def _body(letter: Letter) -> bytes:
    """Return the message as it was before it was parked."""
    encoding = letter.attributes.get("encoding", "plain")
    if encoding == "plain":
        return letter.body.encode()
    if encoding == "gzip+base64":
        try:
            return gzip.decompress(base64.b64decode(letter.body, validate=True))
        except (binascii.Error, OSError, EOFError) as problem:
            raise RedriveError(f"its body cannot be unpacked: {problem}") from problem
    if encoding == "left":
        raise RedriveError(f"its body was too large to park and stayed behind: {letter.body}")
    raise RedriveError(f"its encoding {encoding!r} is unknown: use the cafectl of that version")


def _source_of(parked: str) -> str:
    """Return the queue whose dead letters these are, for what SQS itself moved there."""
    fifo = FIFO if parked.endswith(FIFO) else ""
    return parked.removesuffix(FIFO).removesuffix(DEAD) + fifo


async def redrive_outbox(
    client: httpx.AsyncClient, url: str, *, token: str, limit: int, dry_run: bool
) -> Redriven:
    """Let the order service send again what its outbox has parked, or only show it.

    Raises:
        RedriveError: the order service refuses.
        httpx.HTTPError: it cannot be reached.
    """
    headers = {"Authorization": f"Bearer {token}"}
    found = Redriven()
    cursor: str | None = ""
    while len(found.rows) < limit and cursor is not None:
        size = str(min(OUTBOX_PAGE, limit - len(found.rows)))
        params = {"limit": size} | ({"cursor": cursor} if cursor else {})
        page = _object(await client.get(f"{url}/outbox/parked", params=params, headers=headers))
        found.rows += [_outbox_row(entry) for entry in page["entries"]]
        cursor = page.get("next")
    found.left = len(found.rows)
    if dry_run or not found.rows:
        return found
    ids = [int(row.id) for row in found.rows]
    for begin in range(0, len(ids), OUTBOX_PAGE):
        body = {"ids": ids[begin : begin + OUTBOX_PAGE]}
        answer = await client.post(f"{url}/outbox/redrive", json=body, headers=headers)
        found.done += int(_object(answer)["redriven"])
    found.left -= found.done
    return found


def _object(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise RedriveError(
            "the order service refuses us: give the service token with --token or "
            "CAFE_SERVICE_TOKEN; it is in the Secret cloudcafe-service-token"
        )
    if not answer.is_success:
        raise RedriveError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    return dict(answer.json())


def _outbox_row(entry: Mapping[str, Any]) -> Row:
    return Row(
        id=str(entry["id"]),
        source=f"outbox:{entry['destination']}",
        consumer=str(entry["destination"]),
        about=str(entry["orderId"]),
        reason=str(entry["reason"]),
        at=str(entry["parkedAt"]),
        outcome=str(entry["kind"]),
    )
