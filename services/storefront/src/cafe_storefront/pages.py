"""The pages, as files: what CloudFront's bucket holds on AWS, served by us where there is none.

`pages/shop` is for everybody and is what `make deploy` puts into the bucket; `pages/board` is for
staff and is served from here alone. The headers are those of terraform/modules/frontend.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cafe_kit.errors import NotFoundError
from fastapi import APIRouter, Header, Response

FOLDER = Path(__file__).parent / "pages"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # a new release is seen at once; an unchanged file costs a 304
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One file."""

    body: bytes
    media_type: str
    etag: str


def pages(folder: Path = FOLDER) -> dict[str, Page]:
    """All files by the path under which they are asked for."""
    found = {}
    for prefix, sub in (("", "shop"), ("board/", "board")):
        for file in sorted((folder / sub).iterdir()):
            body = file.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            page = Page(body, TYPES[file.suffix], etag)
            found[prefix + file.name] = page
            if file.name == "index.html":
                found[prefix] = page
    return found


def router(files: dict[str, Page]) -> APIRouter:
    """The route of all paths that no other one took."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def get_page(
        path: str, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        page = files.get(path)
        if page is None:
            raise NotFoundError(f"There is no page {path!r}.", remedy="Begin at /.")
        headers = {**HEADERS, "ETag": page.etag}
        if if_none_match == page.etag:
            return Response(status_code=304, headers=headers)
        return Response(page.body, headers=headers, media_type=page.media_type)

    return routes
