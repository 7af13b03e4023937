"""What travels through the gateway: a request, a reply, and AWS's way of saying no.

Pure values. The gateway builds requests, emulators and consequences turn them into replies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from xml.sax.saxutils import escape

NOT_IMPLEMENTED = 501


class Protocol(Enum):
    """The wire forms in which botocore can read an error."""

    JSON = "json"
    CBOR = "cbor"
    QUERY = "query"
    EC2 = "ec2"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to AWS, with whom it concerns.

    `headers` has lower-case names; `raw_headers`, `path` and `query` are as they came.
    `service` is the signing name ("monitoring", not "cloudwatch"); `action` is empty where the
    protocol puts it into the path.
    """

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    service: str
    action: str
    region: str
    account: str

    def with_body(self, body: bytes) -> Request:
        """The same request with another body and the length that goes with it."""
        length = str(len(body)).encode()
        raw = tuple(
            (name, length if name.lower() == b"content-length" else value)
            for name, value in self.raw_headers
        )
        headers = {**self.headers, "content-length": length.decode()}
        return replace(self, body=body, raw_headers=raw, headers=headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; the gateway writes Content-Length itself."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def with_body(self, body: bytes) -> Reply:
        """The same answer with another body, without the checksum of the old one."""
        headers = tuple(pair for pair in self.headers if pair[0].lower() != b"x-amz-crc32")
        return replace(self, body=body, headers=headers)


def json_object(body: bytes) -> dict[str, Any] | None:
    """The object that a body carries; None for whatever else it is: the emulator refuses that."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def json_reply(document: object, *, version: str = "1.0") -> Reply:
    """A successful answer of a JSON-protocol service."""
    content_type = f"application/x-amz-json-{version}".encode()
    return Reply(200, json.dumps(document).encode(), ((b"content-type", content_type),))


def protocol_of(service: str, headers: dict[str, str]) -> Protocol:
    """Guess from what the client sent how it wants to be told of an error."""
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Protocol.CBOR
    content_type = headers.get("content-type", "")
    if "x-amz-target" in headers or content_type.startswith("application/x-amz-json"):
        return Protocol.JSON
    if content_type.startswith("application/x-www-form-urlencoded"):
        return Protocol.EC2 if service == "ec2" else Protocol.QUERY
    return Protocol.REST


def error_reply(
    protocol: Protocol,
    code: str,
    message: str,
    *,
    status: int = 400,
    extra: dict[str, object] | None = None,
) -> Reply:
    """AWS's error document; `extra` adds members of the exception (JSON protocols only)."""
    error_type = (b"x-amzn-errortype", code.encode())
    if protocol is Protocol.CBOR:
        body = b"\xa2" + _cbor("__type") + _cbor(code) + _cbor("message") + _cbor(message)
        headers = ((b"content-type", b"application/cbor"), (b"smithy-protocol", b"rpc-v2-cbor"))
        return Reply(status, body, headers)
    if protocol is Protocol.JSON:
        body = json.dumps({"__type": code, "message": message, **(extra or {})}).encode()
        return Reply(status, body, ((b"content-type", b"application/x-amz-json-1.0"), error_type))
    if protocol is Protocol.REST:
        body = json.dumps({"message": message, **(extra or {})}).encode()
        return Reply(status, body, ((b"content-type", b"application/json"), error_type))
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol is Protocol.EC2:
        text = f"<Response><Errors><Error>{inner}</Error></Errors></Response>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
    return Reply(status, text.encode(), ((b"content-type", b"text/xml"),))


def _cbor(text: str) -> bytes:
    """A CBOR text string (RFC 8949, major type 3) of up to 65,535 bytes."""
    data = text.encode()
    if len(data) < 24:  # noqa: PLR2004 - the RFC's limit of a one-byte head
        return bytes([0x60 + len(data)]) + data
    return b"\x79" + len(data).to_bytes(2, "big") + data
