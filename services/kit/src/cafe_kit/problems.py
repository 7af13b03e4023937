"""RFC 9457 problem documents: the one place where errors become responses.

Called by the app factory (exception handlers) and by the edge middleware.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cafe_kit.errors import BadRequestError, CafeError, UnprocessableError

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://cloudcafe.dev/problems/"

REMEDIES = {
    "duplicate": "Add up the quantities, or remove one of them.",
    "extra_forbidden": "Remove the field; the names are in /openapi.json.",
    "missing": "Add it.",
    "greater_than": "Use a greater number.",
    "greater_than_equal": "Use a greater number.",
    "less_than_equal": "Use a smaller number.",
}


class Problem(BaseModel):
    """What every error response looks like."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[f"{TYPE_BASE}not-found"])
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    remedy: str | None = None


def render(error: CafeError, instance: str) -> Response:
    """The response for one error; `instance` is the request's path."""
    document: dict[str, object] = {
        "type": f"{TYPE_BASE}{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
    }
    if error.field:
        document["field"] = error.field
    if error.remedy:
        document["remedy"] = error.remedy
    return Response(
        json.dumps({**error.extra, **document}),
        status_code=error.status,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


def field_path(location: Sequence[str | int]) -> str:
    """`("body", "items", 0, "priceMinor")` → `items[0].priceMinor`; headers keep their name."""
    parts = location[1:] if location and location[0] in {"body", "path", "query"} else location
    if parts and parts[0] == "header":
        parts = parts[1:]
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def from_validation(errors: Sequence[Mapping[str, Any]]) -> CafeError:
    """The first complaint as a problem that names its field; the rest under `errors`."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return BadRequestError(
            f"The body is not JSON: {first.get('ctx', {}).get('error', first['msg'])}.",
            slug="malformed-json",
            remedy="Send one JSON object with Content-Type: application/json.",
        )
    context = dict(first.get("ctx", {}))
    field = context.pop("field", "") or field_path(first["loc"]) or "body"
    if first["loc"][0] == "header":
        return BadRequestError(
            f"The header {field} is missing or malformed: {first['msg']}.",
            field=field,
            slug="bad-header",
            remedy=f"Send the header {field}; its form is in /openapi.json.",
        )
    limits = ", ".join(f"{key} {value}" for key, value in context.items())
    remedy = REMEDIES.get(first["type"], "Correct the value.")
    return UnprocessableError(
        first["msg"] if field in first["msg"] else f"{field}: {first['msg']}.",
        field=field,
        remedy=f"{remedy} ({limits})" if limits else remedy,
        extra={
            "errors": [{"field": field_path(e["loc"]), "message": e["msg"]} for e in errors[:20]]
        },
    )


def from_http(error: HTTPException) -> CafeError:
    """Starlette's own 404 and 405, in our form."""
    problem = CafeError(str(error.detail), slug=str(error.detail).lower().replace(" ", "-"))
    problem.status = error.status_code  # type: ignore[misc] # this instance's, not the class's
    if error.status_code == BadRequestError.status:
        problem.remedy = "Send UTF-8 JSON with Content-Type: application/json."
    return problem


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """An `openapi` that gives problems their own media type, which FastAPI cannot say."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path in generate()["paths"].values():
                for operation in path.values():
                    _give_media_type(operation["responses"])
        return generate()

    return openapi


def _give_media_type(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if status >= "400" and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def install(app: FastAPI) -> None:
    """Register the handlers; unexpected errors are left to the edge, which logs them."""

    async def on_cafe_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CafeError)
        return render(error, request.url.path)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return render(from_validation(error.errors()), request.url.path)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = render(from_http(error), request.url.path)
        # a 405 must say in Allow what there is
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(CafeError, on_cafe_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
