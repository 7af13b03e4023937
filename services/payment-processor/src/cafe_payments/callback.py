"""The card provider's call back. Pure; `lambda_handler.py` and `endpoints.py` call it.

A call back is a hint and no more: who forges one must gain nothing, so nothing is taken from it
into the ledger. What became of a charge is asked of the provider itself, by the next delivery of
the order's command. It is counted, so that one can see that the provider tells.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

SIGNATURE = "x-signature"
PATH = "/provider/callbacks"
LONGEST_BODY = 16 * 1024
LONGEST_REFERENCE = 128
ACCEPTED, MALFORMED, UNSIGNED, TOO_LONG = 202, 400, 401, 413


def is_callback(event: Mapping[str, Any]) -> bool:
    """Whether API Gateway sent this (payload version 2.0), and not the queue."""
    return "http" in event.get("requestContext", {})


def judge(event: Mapping[str, Any], key: str) -> tuple[int, str]:
    """Return the HTTP status, and the order that is meant where it is 202."""
    text = event.get("body") or ""
    try:
        body = (
            base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        )
    except binascii.Error:
        return MALFORMED, ""
    if len(body) > LONGEST_BODY:
        return TOO_LONG, ""
    given = str(event.get("headers", {}).get(SIGNATURE, ""))
    if not hmac.compare_digest(given.encode(), sign(body, key).encode()):
        return UNSIGNED, ""
    try:
        reference = json.loads(body)["reference"]
    except (ValueError, KeyError, TypeError):
        return MALFORMED, ""
    if not isinstance(reference, str) or not 0 < len(reference) <= LONGEST_REFERENCE:
        return MALFORMED, ""
    return ACCEPTED, reference


def sign(body: bytes, key: str) -> str:
    """Return the signature that the provider puts into the header."""
    return f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
