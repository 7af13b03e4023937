"""HTTP of the menu service: parse, call the rules, answer. Errors carry their own status."""

from typing import Annotated

from cafe_kit.auth import ServiceOnly
from cafe_kit.problems import Problem
from cafe_kit.wire import StoreIdPath
from fastapi import APIRouter, Depends, Request

from cafe_menu.models import MenuInput, MenuView
from cafe_menu.service import MenuService

router = APIRouter(tags=["menus"])


def _service(request: Request) -> MenuService:
    service: MenuService = request.app.state.service
    return service


Service = Annotated[MenuService, Depends(_service)]


@router.get(
    "/stores/{store_id}/menu",
    responses={404: {"model": Problem, "description": "The store has no menu"}},
)
async def get_menu(store_id: StoreIdPath, service: Service) -> MenuView:
    """What a store sells, and for how much. Open to everybody."""
    return await service.menu(store_id)


@router.put("/stores/{store_id}/menu", dependencies=[ServiceOnly])
async def put_menu(store_id: StoreIdPath, body: MenuInput, service: Service) -> MenuView:
    """Replace a store's menu; the version grows only if something differs."""
    return await service.put(store_id, body)


@router.delete("/stores/{store_id}/menu", status_code=204, dependencies=[ServiceOnly])
async def delete_menu(store_id: StoreIdPath, service: Service) -> None:
    """Forget a store's menu."""
    await service.delete(store_id)
