"""moto in this process, one call at a time.

The gateway calls it for what only moto gets right (EC2 and what is linked to it, Redshift,
MemoryDB, …). Its state has no locks, so all calls go through one worker thread, which also keeps
its slow ones off the event loop. It is imported late, in that thread: with the seeds, or with the
first call where there are none.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from localaws.emulators import moto_additions
from localaws.messages import NOT_IMPLEMENTED, Reply, Request, error_reply, protocol_of
from localaws.settings import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

log = structlog.get_logger(__name__)

T = TypeVar("T")
_HOSTS = {"memorydb": "memory-db"}


class Moto:
    """One instance per process: moto keeps its state in module globals."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        self._stubber: Any = None

    @property
    def used(self) -> bool:
        """Whether it was ever called, thus may hold resources."""
        return self._stubber is not None

    async def call(self, request: Request) -> Reply:
        """Answer one request; an action that moto lacks is a 501, its own crash a 500."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._call, request)

    async def run(self, work: Callable[[], T]) -> T:
        """Do something with moto's own objects, in its thread: no request comes in between."""

        def loaded() -> T:
            self._loaded()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._worker, loaded)

    async def reset(self) -> None:
        """Forget all resources (tests only)."""
        if self.used:
            await asyncio.get_running_loop().run_in_executor(self._worker, _reset)

    def close(self) -> None:
        """End the worker thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _call(self, request: Request) -> Reply:
        try:
            answer = self._loaded().process_request(_prepared(request))
        except NotImplementedError as error:
            return _missing(request, str(error))
        except Exception:  # moto raises whatever its models hit: the client needs AWS's 500
            log.exception("moto crashed", service=request.service, action=request.action)
            return error_reply(
                protocol_of(request.service, request.headers),
                "InternalFailure",
                f"moto could not answer {request.service} {request.action}; see the log",
                status=500,
            )
        if answer is None or answer[2] == "Not yet implemented":
            return _missing(request, "no such operation")
        status, headers, body = answer
        return Reply(int(status), _bytes(body), _headers(headers))

    def _loaded(self) -> Any:
        if self._stubber is None:
            os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
            # nobody here looks for images; thirteen hundred would be made with each start and reset
            os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
            from moto.core.botocore_stubber import BotocoreStubber  # noqa: PLC0415 - 180 MB

            moto_additions.install()
            self._stubber = BotocoreStubber()
        return self._stubber


def _prepared(request: Request) -> AWSPreparedRequest:
    """The request as moto expects it: addressed to AWS, host and path deciding the method."""
    host = f"{_HOSTS.get(request.service, request.service)}.{request.region}.amazonaws.com"
    query = f"?{request.query.decode('latin-1')}" if request.query else ""
    url = f"https://{host}{request.path}{query}"
    headers = HTTPHeaders()
    for name, value in {**request.headers, "host": host}.items():
        headers[name] = value
    return AWSPreparedRequest(request.method, url, headers, request.body, stream_output=False)


def _missing(request: Request, why: str) -> Reply:
    return error_reply(
        protocol_of(request.service, request.headers),
        "InvalidAction",
        f"{request.service} {request.action} does not exist in the embedded AWS ({why})",
        status=NOT_IMPLEMENTED,
    )


def _bytes(body: str | bytes | Iterable[bytes]) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)


def _headers(headers: Mapping[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    dropped = {"content-length", "transfer-encoding", "connection", "server", "status"}
    return tuple(
        (name.lower().encode(), str(value).encode())
        for name, value in headers.items()
        if name.lower() not in dropped
    )


def _reset() -> None:
    from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415 - 180 MB, see above

    moto_api_backend.reset()
