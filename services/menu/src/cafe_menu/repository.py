"""Menus in DocumentDB (the MongoDB wire protocol). Used by `service.py`.

One document a store: `{_id, currency, version, digest, items}`. A forgotten menu leaves its grave
`{_id, version, deletedAt}`, so that the version never starts anew and a cache can tell old from
new. Every call is bounded in time, and whatever means "the database is away" becomes 503 with
Retry-After.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from cafe_kit.errors import CafeError, UnavailableError
from cafe_kit.wire import utc_now
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)

from cafe_menu.models import MenuInput, MenuSummary, MenuView, Reading

SELECT_MS = 1500
CONNECT_MS = 1000
SOCKET_MS = 2000
FINISH_SECONDS = 10.0
"""A former client is closed after it: longer than any call takes with the bounds above."""

AWAY = (AutoReconnect, ConnectionFailure, ExecutionTimeout, NetworkTimeout, WaitQueueTimeoutError)

LOCKED_OUT = frozenset({13, 18, 391, 8000})
"""Unauthorized, AuthenticationFailed and their like: the password was rotated, until ours is."""


class DocumentMenus:
    """The collection `menus`."""

    def __init__(
        self,
        url: Callable[[], str],
        database: str,
        *,
        connections: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`url` tells where and by which password, as it is now: AWS rotates it."""
        self._url = url
        self._database = database
        self._connections = connections
        self._clock = clock
        self._former: list[tuple[float, AsyncMongoClient[dict[str, Any]]]] = []
        self._use(url())

    async def menu(self, store_id: str) -> Reading:
        """A store's menu."""
        with _translated():
            document = await self._menus.find_one({"_id": store_id})
        if document is None:
            return Reading(0, None)
        return Reading(document["version"], None if _is_grave(document) else _view(document))

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace a store's menu; the version grows only if something differs."""
        with _translated():
            known = await self._menus.find_one({"_id": store_id})
            if known is not None and known.get("digest") == menu.digest:
                return _view(known)
            try:
                return await self._replace(store_id, menu)
            except DuplicateKeyError:
                # two first writers: the document is there now, so the second becomes an update
                return await self._replace(store_id, menu)

    async def delete(self, store_id: str) -> int:
        """Forget a store's menu; fine when it is gone already. Returns the grave's version."""
        with _translated():
            grave = await self._menus.find_one_and_update(
                {"_id": store_id, "deletedAt": {"$exists": False}},
                {
                    "$set": {"deletedAt": self._clock().isoformat()},
                    "$unset": {"currency": "", "digest": "", "items": ""},
                    "$inc": {"version": 1},
                },
                return_document=ReturnDocument.AFTER,
            )
            grave = grave or await self._menus.find_one({"_id": store_id})
        return 0 if grave is None else int(grave["version"])

    async def page(self, after: str, limit: int) -> list[MenuSummary]:
        """Menus after a store id, by store id."""
        with _translated():
            found = self._menus.find(
                {"_id": {"$gt": after}, "deletedAt": {"$exists": False}},
                {"currency": 1, "version": 1, "items.sku": 1},
                sort=[("_id", 1)],
                limit=limit,
            )
            documents = await found.to_list()
        return [
            MenuSummary(
                store_id=document["_id"],
                currency=document["currency"],
                version=document["version"],
                item_count=len(document["items"]),
            )
            for document in documents
        ]

    async def check(self) -> None:
        """Raise unless the database answers. Asked every two seconds, it also sees a rotation."""
        await self._follow()
        await self._client.admin.command("ping")

    async def close(self) -> None:
        """Drop all connections."""
        for client in (*(former for _, former in self._former), self._client):
            await client.close()

    def _use(self, url: str) -> None:
        # no connection is made before the first use
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=SELECT_MS,
            connectTimeoutMS=CONNECT_MS,
            socketTimeoutMS=SOCKET_MS,
            waitQueueTimeoutMS=SELECT_MS,
            maxPoolSize=self._connections,
            retryWrites=False,  # DocumentDB has none
            appname="menu",
        )
        self._menus = self._client[self._database]["menus"]
        self._known = url

    async def _follow(self) -> None:
        """Go on with a client of the URL as it is now: a client keeps its first password."""
        url, now = self._url(), time.monotonic()
        if url != self._known:
            former = self._client
            self._use(url)
            self._former.append((now, former))
        while self._former and now - self._former[0][0] >= FINISH_SECONDS:
            await self._former[0][1].close()  # ended by the check's time, it is closed by the next
            self._former.pop(0)

    async def _replace(self, store_id: str, menu: MenuInput) -> MenuView:
        document = await self._menus.find_one_and_update(
            {"_id": store_id},
            {
                "$set": {
                    "currency": menu.currency,
                    "digest": menu.digest,
                    # instants as text: BSON's dates keep milliseconds only
                    "items": [item.model_dump(mode="json") for item in menu.items],
                },
                "$unset": {"deletedAt": ""},
                "$inc": {"version": 1},
            },
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return _view(document)


def _is_grave(document: dict[str, Any]) -> bool:
    return "deletedAt" in document


def _view(document: dict[str, Any] | None) -> MenuView:
    assert document is not None  # an upsert that returns what it wrote
    return MenuView(
        store_id=document["_id"],
        currency=document["currency"],
        version=document["version"],
        items=document["items"],
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise _unavailable(error) from error
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        if isinstance(error, OperationFailure) and error.code in LOCKED_OUT:
            raise _unavailable(error) from error
        raise CafeError(f"The menu database refused: {error}") from error


def _unavailable(error: PyMongoError) -> UnavailableError:
    return UnavailableError(
        f"The menu database is not available ({type(error).__name__}).",
        slug="menu-database-unavailable",
    )
