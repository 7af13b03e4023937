"""Menus in DocumentDB (the MongoDB wire protocol). Used by `service.py`.

One document a store: `{_id, currency, version, digest, items}`. Every call is bounded in time, and
whatever means "the database is away" becomes 503 with Retry-After.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cafe_kit.errors import CafeError, UnavailableError
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    WaitQueueTimeoutError,
)

from cafe_menu.models import MenuInput, MenuView

SELECT_MS = 1500
CONNECT_MS = 1000
SOCKET_MS = 2000

AWAY = (AutoReconnect, ConnectionFailure, ExecutionTimeout, NetworkTimeout, WaitQueueTimeoutError)


class DocumentMenus:
    """The collection `menus`."""

    def __init__(self, url: str, database: str, *, connections: int) -> None:
        # no connection is made before the first use
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=SELECT_MS,
            connectTimeoutMS=CONNECT_MS,
            socketTimeoutMS=SOCKET_MS,
            waitQueueTimeoutMS=SELECT_MS,
            maxPoolSize=connections,
            retryWrites=False,  # DocumentDB has none
            appname="menu",
        )
        self._menus = self._client[database]["menus"]

    async def menu(self, store_id: str) -> MenuView | None:
        """A store's menu."""
        with _translated():
            document = await self._menus.find_one({"_id": store_id})
        return None if document is None else _view(document)

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace a store's menu; the version grows only if something differs."""
        with _translated():
            known = await self._menus.find_one({"_id": store_id})
            if known is not None and known["digest"] == menu.digest:
                return _view(known)
            try:
                return await self._replace(store_id, menu)
            except DuplicateKeyError:
                # two first writers: the document is there now, so the second becomes an update
                return await self._replace(store_id, menu)

    async def delete(self, store_id: str) -> None:
        """Forget a store's menu; fine when it is gone already."""
        with _translated():
            await self._menus.delete_one({"_id": store_id})

    async def check(self) -> None:
        """Raise unless the database answers."""
        await self._client.admin.command("ping")

    async def close(self) -> None:
        """Drop all connections."""
        await self._client.close()

    async def _replace(self, store_id: str, menu: MenuInput) -> MenuView:
        document = await self._menus.find_one_and_update(
            {"_id": store_id},
            {
                "$set": {
                    "currency": menu.currency,
                    "digest": menu.digest,
                    "items": [item.model_dump() for item in menu.items],
                },
                "$inc": {"version": 1},
            },
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return _view(document)


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
        raise UnavailableError(
            f"The menu database is not available ({type(error).__name__}).",
            slug="menu-database-unavailable",
        ) from error
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise CafeError(f"The menu database refused: {error}") from error
