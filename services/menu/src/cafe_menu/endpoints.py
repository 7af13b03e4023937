"""HTTP of the menu service: parse, call the rules, answer. Errors carry their own status."""

import hashlib
from typing import Annotated, Any, Literal

from cafe_kit.auth import ServiceOnly, bearer, identify, require_service
from cafe_kit.batch import Batch, StoreIds, read_each
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import StoreIdPath
from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials

from cafe_menu.models import MenuInput, MenuPage, MenuView, Served
from cafe_menu.service import MenuService

router = APIRouter(tags=["menus"])


def _service(request: Request) -> MenuService:
    service: MenuService = request.app.state.service
    return service


def _everything(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    wanted: Annotated[
        Literal["true", "false"],
        Query(alias="all", description="Also what is not on sale now; for the platform only."),
    ] = "false",
) -> bool:
    """What is to come is the platform's business; what is on sale is everybody's."""
    if wanted == "true":
        require_service(identify(request, credentials))
    return wanted == "true"


Service = Annotated[MenuService, Depends(_service)]
Everything = Annotated[bool, Depends(_everything)]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1024, description="ETags of menus that the caller has.")
]
READ: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."},
            "Age": {
                "schema": {"type": "integer"},
                "description": "Seconds since it was read of the database, if not just now.",
            },
            "Warning": {
                "schema": {"type": "string"},
                "description": "110: older than it should be, because the database is away.",
            },
        }
    },
    304: {"description": "The caller has it already"},
    404: {"model": Problem, "description": "The store has no menu"},
}


@router.get(
    "/stores/{store_id}/menu",
    response_model=MenuView,
    responses=READ,
    openapi_extra={"security": [{}]},  # or by the token
)
async def get_menu(
    store_id: StoreIdPath,
    service: Service,
    everything: Everything,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What a store sells now, and for how much. Open to everybody."""
    served = await service.menu(store_id, everything=everything)
    body = served.menu.model_dump_json(by_alias=True).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = _headers(served, etag)
    if if_none_match is not None and _names(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@router.put("/stores/{store_id}/menu", dependencies=[ServiceOnly])
async def put_menu(store_id: StoreIdPath, body: MenuInput, service: Service) -> MenuView:
    """Replace a store's menu; the version grows only if something differs."""
    return await service.put(store_id, body)


@router.delete("/stores/{store_id}/menu", status_code=204, dependencies=[ServiceOnly])
async def delete_menu(store_id: StoreIdPath, service: Service) -> None:
    """Forget a store's menu."""
    await service.delete(store_id)


@router.get("/menus:batch", response_model=Batch[MenuView], dependencies=[ServiceOnly])
async def get_menus(ids: StoreIds, service: Service) -> Response:
    """What up to a hundred stores sell now; those without a menu are missing."""

    async def read(store_id: str) -> MenuView:
        return (await service.menu(store_id)).menu

    return await read_each(ids, read)


@router.get("/menus", dependencies=[ServiceOnly])
async def list_menus(
    service: Service, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> MenuPage:
    """All menus by store id, without their items."""
    return await service.page(cursor, limit)


def _headers(served: Served, etag: str) -> dict[str, str]:
    # seasons begin and prices change by the second: a client asks each time, and gets a 304
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if served.age_seconds > 0:
        headers["Age"] = str(int(served.age_seconds))
    if served.stale:
        headers["Warning"] = '110 - "Response is Stale"'
    return headers


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names this ETag, weak or not (RFC 9110, 13.1.2)."""
    named = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(part in {etag, "*"} for part in named)
