"""`python services/payment-provider/bench/charges.py [orders]`: charges authorised and captured.

In process, without sockets, 64 at a time, each on the disk before it is answered. At least 400 a
second are wanted.
"""
# ruff: noqa: INP001 - a program that prints, in no package

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx
from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings

TOKEN = "token-of-the-benchmark"  # noqa: S105 - nobody else's
CUSTOMERS = 64
WANTED_PER_SECOND = 400


async def measure(orders: int, folder: Path) -> float:
    """Orders per second; each is one charge and one capture."""
    application = build(ProviderSettings(service_token=TOKEN, provider_data=folder))
    numbers = iter(range(orders))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://provider",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:

        async def customer() -> None:
            for number in numbers:
                body = {
                    "reference": f"o-{number}",
                    "storeId": "corner",
                    "amountMinor": 450,
                    "currency": "EUR",
                    "placedAt": "2026-11-22T07:00:00+00:00",
                }
                headers = {"Idempotency-Key": f"o-{number}:authorise"}
                charge = (await client.post("/charges", json=body, headers=headers)).json()
                await client.post(f"/charges/{charge['chargeId']}/capture")

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
