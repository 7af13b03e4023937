"""Composition of the payment provider: the only place that knows all its parts."""

from cafe_kit.app import Application, build_application

from cafe_provider.endpoints import router
from cafe_provider.repository import Book
from cafe_provider.service import ProviderService
from cafe_provider.settings import ProviderSettings


def build(settings: ProviderSettings) -> Application:
    """The whole provider; the file is opened at its first use."""
    application = build_application(
        "payment-provider", "CloudCafe payment provider (stand-in)", settings, [router]
    )
    book = Book(settings.provider_data)
    application.closers.append(book.close)
    application.public.state.service = ProviderService(book)
    application.health.depends_on("book", book.check)
    return application
