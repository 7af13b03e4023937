"""JSON logs on stdout, one object a line, each with service, trace id and request id.

Called once by `server.run`. Third-party logs (uvicorn, botocore) go the same way.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from cafe_kit.context import current_trace

QUIET = ("botocore", "boto3", "urllib3", "httpx", "httpcore", "pymongo", "uvicorn.access")


def _add_trace(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    trace = current_trace()
    if trace is not None:
        event["traceId"] = trace.trace_id
        event["requestId"] = trace.request_id
    return event


def configure(service: str, level: str) -> None:
    """Send everything through one JSON formatter.

    Args:
        service: name of the service, in every line.
        level: debug, info, warning or error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _add_trace,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _logger, _method, event: {"service": service, **event},
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
