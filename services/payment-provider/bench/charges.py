"""`python services/payment-provider/bench/charges.py [orders]`: charges authorised and captured.

In process, without sockets, 64 at a time, each on the disk before it is answered. At least 400 a
second are wanted.
"""
# ruff: noqa: INP001 - a program that prints, in no package

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings
from pydantic import SecretStr

TOKEN = "token-of-the-benchmark"  # noqa: S105 - nobody else's
CUSTOMERS = 64
WANTED_PER_SECOND = 400


async def post(app: Any, path: str, body: bytes, key: str) -> dict[str, Any]:
    """One request to an ASGI application, without a client's own cost."""
    answer: list[bytes] = []
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return pending.pop() if pending else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message.get("body", b""))

    headers = {
        b"authorization": f"Bearer {TOKEN}".encode(),
        b"content-type": b"application/json",
        b"content-length": str(len(body)).encode(),
        b"idempotency-key": key.encode(),
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": list(headers.items()),
        "client": ("bench", 1),
        "server": ("provider", 80),
    }
    await app(scope, receive, send)
    document: dict[str, Any] = json.loads(b"".join(answer))
    return document


async def measure(orders: int, folder: Path) -> float:
    """Orders per second; each is one charge and one capture."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))
    application = build(ProviderSettings(service_token=SecretStr(TOKEN), provider_data=folder))
    numbers = iter(range(orders))

    async def customer() -> None:
        for number in numbers:
            wanted = {
                "reference": f"o-{number}",
                "storeId": "corner",
                "amountMinor": 450,
                "currency": "EUR",
                "placedAt": "2026-11-22T07:00:00+00:00",
            }
            key = f"o-{number}:authorise"
            charge = await post(application.public, "/charges", json.dumps(wanted).encode(), key)
            await post(application.public, f"/charges/{charge['chargeId']}/capture", b"", key)

    began = time.monotonic()
    await asyncio.gather(*(customer() for _ in range(CUSTOMERS)))
    took = time.monotonic() - began
    for closer in application.closers:
        await closer()
    return orders / took


def main() -> None:
    """Measure, and say by the status whether it is enough."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory(prefix="cafe-provider-") as folder:
        rate = asyncio.run(measure(orders, Path(folder)))
    print(f"{rate:.0f} orders/s ({2 * rate:.0f} requests/s), the client in the same process")
    sys.exit(0 if rate >= WANTED_PER_SECOND else 1)


if __name__ == "__main__":
    main()
