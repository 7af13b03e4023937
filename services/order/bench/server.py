"""The order service as it runs in a pod, without its relays: what accepting orders costs.

Started by the benchmark as a process of its own. The relays are left out because pgbench has none
either; they have figures of their own. The menu answers from memory: prices are remembered for
seconds, so its answer is no part of an order's cost.
"""

import argparse

import httpx
from cafe_kit.fakes import FakeAws
from cafe_kit.server import run
from cafe_order.app import Neighbours, build
from cafe_order.settings import OrderSettings

TOKEN = "token-of-the-benchmark"  # noqa: S105 - of a server that lives for a minute
MENU = {
    "currency": "EUR",
    "items": [
        {"sku": "espresso", "name": "Espresso", "priceMinor": 180},
        {"sku": "almond-croissant", "name": "Almond croissant", "priceMinor": 320},
    ],
}


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--writers", type=int, default=OrderSettings.model_fields["placing_writers"].default
    )
    parser.add_argument(
        "--batch", type=int, default=OrderSettings.model_fields["placing_batch"].default
    )
    options = parser.parse_args()
    menu = httpx.MockTransport(lambda _request: httpx.Response(200, json=MENU))
    settings = OrderSettings(
        service_token=TOKEN,
        database_url=options.dsn,
        bind_host="127.0.0.1",
        public_port=options.port,
        admin_port=options.port + 1,
        drain_delay_seconds=0,
        placing_writers=options.writers,
        placing_batch=options.batch,
    )
    application = build(settings, Neighbours(menu=menu, inventory=menu, aws=FakeAws()))
    application.workers.clear()
    run(application)


if __name__ == "__main__":
    main()
