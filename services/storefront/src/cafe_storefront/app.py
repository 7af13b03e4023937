"""Composition of the storefront: the only place that knows all its parts."""

from dataclasses import dataclass

import httpx
from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.clients import neighbour
from cafe_kit.cloudwatch import add_cloudwatch

from cafe_storefront import endpoints, pages
from cafe_storefront.barista import Barista
from cafe_storefront.board import Board
from cafe_storefront.neighbours import Neighbour
from cafe_storefront.repository import TicketQueues
from cafe_storefront.service import Shop
from cafe_storefront.settings import StorefrontSettings
from cafe_storefront.stores import Stores


@dataclass(frozen=True)
class Neighbours:
    """How to reach the neighbours, when not by their address: tests join them in one process."""

    menu: httpx.AsyncBaseTransport | None = None
    order: httpx.AsyncBaseTransport | None = None
    aws: AwsCalls | None = None


def build(settings: StorefrontSettings, neighbours: Neighbours = Neighbours()) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application(
        "storefront",
        "CloudCafe storefront",
        settings,
        [endpoints.shop, endpoints.board],
        story="Everybody Shares the Link",
    )
    token = settings.service_token.get_secret_value()
    menu_client = neighbour(settings.menu_url, token, transport=neighbours.menu)
    order_client = neighbour(settings.order_url, token, transport=neighbours.order)
    aws = neighbours.aws or Aws(settings.aws_region, settings.aws_threads)
    application.closers += [menu_client.aclose, order_client.aclose, aws.close]
    business = add_cloudwatch(application, aws)
    menu, order = Neighbour("menu", menu_client), Neighbour("order", order_client)
    # once up, the pages stay up without either, and say what they wait for
    application.health.depends_on("menu", menu.check)
    application.health.depends_on("order", order.check, required=False)
    stores = Stores(
        order,
        fresh_seconds=settings.store_fresh_seconds,
        stale_seconds=settings.store_stale_seconds,
    )
    queues = TicketQueues(aws)
    shop = Shop(menu, order, stores)
    application.public.state.shop = shop
    application.public.state.board = Board(stores, queues, business)
    if settings.barista_seconds:
        barista = Barista(shop, stores, queues, every_seconds=settings.barista_seconds)
        application.workers["barista"] = barista.run
    application.public.include_router(pages.router(pages.pages()))
    return application
