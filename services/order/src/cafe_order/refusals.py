"""The problems that placing an order may end in, in words. Used by placing and by the rules."""

from cafe_kit.errors import ConflictError, NotFoundError, UnavailableError, UnprocessableError

from cafe_order.intake import SoldLine
from cafe_order.models import KnownStore
from cafe_order.shedding import RETRY_AFTER_SECONDS


def queue_full(store: KnownStore) -> UnavailableError:
    """The problem of a store that has as many orders under way as it takes."""
    return UnavailableError(
        f"Store {store.id} has {store.queue_limit} orders under way, which is all it takes.",
        slug="store-queue-full",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def no_store(store_id: str) -> NotFoundError:
    """The problem of a store that does not exist."""
    return NotFoundError(
        f"There is no store {store_id!r}.",
        slug="unknown-store",
        field="storeId",
        remedy="Create it with PUT /stores/{id}, or check the id.",
    )


def orders_under_way(store_id: str, number: int) -> ConflictError:
    """The problem of a store that shall go while guests wait for what they ordered."""
    are = "1 order is" if number == 1 else f"{number} orders are"
    return ConflictError(
        f"{are} under way at store {store_id!r}.",
        slug="orders-under-way",
        remedy="Close the store and repeat it when they have ended: at the latest a day after the "
        "last was placed.",
        extra={"underWay": number},
    )


def not_sold(store_id: str, sku: str, index: int) -> UnprocessableError:
    """The problem of an item that is not on the menu."""
    return UnprocessableError(
        f"Store {store_id} does not sell {sku!r}.",
        slug="unknown-item",
        field=f"lines[{index}].sku",
        remedy=f"Choose from GET /stores/{store_id}/menu on the menu service.",
    )


def price_changed(store: KnownStore, total_minor: int, lines: list[SoldLine]) -> ConflictError:
    """The problem of a total that was shown and is none any more."""
    prices = [
        {"sku": line.sku, "name": line.name, "unitPriceMinor": line.unit_price_minor}
        for line in lines
    ]
    return ConflictError(
        f"The order costs {total_minor} {store.currency} minor units now.",
        slug="price-changed",
        field="expectedTotalMinor",
        remedy="Show the customer the current prices; send the new total with a new key.",
        extra={"currency": store.currency, "totalMinor": total_minor, "prices": prices},
    )
