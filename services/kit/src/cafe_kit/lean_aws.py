"""The calls of the order path without boto3's weight: JSON in, JSON out, signed.

Used by `aws.py` for the operations in `LEAN`; all others go through boto3. A call through boto3
costs a millisecond or more of CPU (models, events, endpoint rules), this one a quarter of that,
and an order makes several. Endpoint and credentials are boto3's own, so configuration does not
differ; so are the errors that it raises.

Who gives a call up may send the next one at once, so a call that ended sends nothing afterwards: no
attempt begins after its time, and a connection without an answer is reset. Closed in the ordinary
way, the kernel would go on sending what lies there, for minutes, until the network is whole again.
What AWS has received by then may still take effect late: writes must bear that by themselves.
"""

import base64
import hashlib
import hmac
import http.client
import json
import math
import random
import ssl
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError

from cafe_kit.lean_http import abort, opened

JSON = {
    "dynamodb": "application/x-amz-json-1.0",
    "sqs": "application/x-amz-json-1.0",
    "kinesis": "application/x-amz-json-1.1",
}
TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS", "kinesis": "Kinesis_20131202"}
LEAN = {
    "dynamodb": {
        "get_item": "GetItem",
        "put_item": "PutItem",
        "update_item": "UpdateItem",
        "query": "Query",
        "transact_write_items": "TransactWriteItems",
        "batch_write_item": "BatchWriteItem",
    },
    "sqs": {
        "receive_message": "ReceiveMessage",
        "send_message_batch": "SendMessageBatch",
        "delete_message_batch": "DeleteMessageBatch",
        "change_message_visibility_batch": "ChangeMessageVisibilityBatch",
    },
    "kinesis": {
        "put_records": "PutRecords",
        "get_records": "GetRecords",
    },
}
OK = 200
SERVER_ERROR = 500
THROTTLED = 429
FIRST_PAUSE_SECONDS = 0.05
_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_SIGNED_TEMPORARY = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"


class Credentials(Protocol):
    """As botocore's; frozen for one call, renewed by botocore when they end."""

    def get_frozen_credentials(self) -> Any:
        """access_key, secret_key, token."""
        ...


class LeanClient:
    """One service of AWS, from any thread; keeps its connections."""

    def __init__(self, service: str, region: str, endpoint: str, credentials: Credentials) -> None:
        parts = urlsplit(endpoint)
        self._service = service
        self._region = region
        self._host = parts.netloc
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._credentials = credentials
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._key: tuple[str, str, bytes] = ("", "", b"")

    def call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        attempts: int,
        timeouts: tuple[float, float],
        ends: float = math.inf,
    ) -> dict[str, Any]:
        """One API call; `timeouts` are (connect, read) in seconds, `ends` is on `time.monotonic`.

        Raises:
            ClientError: AWS refused, as boto3 says it.
            HTTPClientError: no answer.
        """
        body = dict(parameters)
        if operation == "transact_write_items":
            # a repetition of ours is then answered like the first
            body.setdefault("ClientRequestToken", str(uuid.uuid4()))
        data = _ENCODER.encode(body).encode()
        name = LEAN[self._service][operation]
        attempt = 1
        while True:
            pause = FIRST_PAUSE_SECONDS * 2**attempt * random.random()  # noqa: S311 - jitter
            try:
                status, headers, answer = self._send(name, data, _within(timeouts, ends))
            except (OSError, http.client.HTTPException) as error:
                if attempt >= attempts or time.monotonic() + pause >= ends:
                    raise HTTPClientError(error=error) from error
            else:
                if status == OK:
                    document: dict[str, Any] = json.loads(answer) if answer else {}
                    return _with_bytes(document) if name == "GetRecords" else document
                failure = _failure(name, status, headers, answer)
                over = attempt >= attempts or time.monotonic() + pause >= ends
                if over or not _passing(status, failure):
                    raise failure
            time.sleep(pause)
            attempt += 1

    def close(self) -> None:
        """Drop the connections; those in use are dropped when their call ends."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def _send(
        self, name: str, data: bytes, timeouts: tuple[float, float]
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = self._headers(name, data)
        connection = self._connection(timeouts)
        try:
            connection.request("POST", "/", data, headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            abort(connection)
            self._drop_idle()  # they are as old: the next try makes a new one
            raise
        with self._lock:
            if self._closed or response.will_close:
                connection.close()
            else:
                self._idle.append(connection)
        return response.status, dict(response.headers.items()), answer

    def _connection(self, timeouts: tuple[float, float]) -> http.client.HTTPConnection:
        connect, read = timeouts
        with self._lock:
            if self._idle:
                idle = self._idle.pop()
                idle.sock.settimeout(read)
                return idle
        return opened(self._host, self._tls, connect, read)

    def _headers(self, name: str, data: bytes) -> dict[str, str]:
        """Signature version 4 over what we send; none of the values needs quoting."""
        if self._credentials is None:
            raise NoCredentialsError
        credentials = self._credentials.get_frozen_credentials()
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        kind, target = JSON[self._service], f"{TARGETS[self._service]}.{name}"
        token = credentials.token
        secured = f"x-amz-security-token:{token}\n" if token else ""
        signed = _SIGNED_TEMPORARY if token else _SIGNED
        canonical = (
            f"POST\n/\n\ncontent-type:{kind}\nhost:{self._host}\nx-amz-date:{now}\n"
            f"{secured}x-amz-target:{target}\n"
        )
        canonical += f"\n{signed}\n{hashlib.sha256(data).hexdigest()}"
        scope = f"{now[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        key = self._signing_key(now[:8], credentials.secret_key)
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": kind,
            "X-Amz-Date": now,
            "X-Amz-Target": target,
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
                f"SignedHeaders={signed}, Signature={signature}"
            ),
        }
        if token:
            headers["X-Amz-Security-Token"] = token
        return headers

    def _signing_key(self, day: str, secret: str) -> bytes:
        known = self._key
        if known[:2] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            known = self._key = (day, secret, key)
        return known[2]


def _within(timeouts: tuple[float, float], ends: float) -> tuple[float, float]:
    """The timeouts of an attempt, shortened to what is left of the call's time."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call's time is over")
    connect, read = timeouts
    return min(connect, left), min(read, left)


def _with_bytes(document: dict[str, Any]) -> dict[str, Any]:
    """Records whose data are bytes again, as boto3 gives them."""
    for record in document.get("Records", ()):
        record["Data"] = base64.b64decode(record["Data"])
    return document


def _binary(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no JSON form")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_binary)


def _failure(name: str, status: int, headers: Mapping[str, str], answer: bytes) -> ClientError:
    """The refusal as boto3 would raise it."""
    try:
        document = json.loads(answer)
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    code = str(document.get("__type", status)).rsplit("#", 1)[-1]
    # SQS keeps the codes that it had before it spoke JSON
    legacy = headers.get("x-amzn-query-error", "")
    if legacy:
        code = legacy.split(";", 1)[0]
    message = document.get("message") or document.get("Message") or ""
    response: Any = {
        **{key: value for key, value in document.items() if key != "__type"},
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, name)


def _passing(status: int, failure: ClientError) -> bool:
    code = str(failure.response.get("Error", {}).get("Code", ""))
    return (
        status >= SERVER_ERROR
        or status == THROTTLED
        or "Throttl" in code
        or code
        in {
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "TransactionInProgressException",
        }
    )
