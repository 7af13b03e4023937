"""`python -m cloudcafe_operator`: read the settings, set up logs, run."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog

# kopf loads the official client where it is installed, to know models that we never hand to it
# from other objects: a tenth of our memory. Who logs in by a plugin still gets it.
sys.modules["kubernetes"] = None  # type: ignore[assignment] # that is how an import is refused
import kopf  # noqa: E402, F401

del sys.modules["kubernetes"]

from cloudcafe_operator.main import run  # noqa: E402
from cloudcafe_operator.settings import Settings  # noqa: E402


def set_up_logs(level: str) -> None:
    """Write one JSON object per line, ours and the libraries'."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])
    # it warns that it takes no signals in a thread: that is why it runs in one
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)


def main() -> int:
    """Run the operator; the exit code is 0 only when it was asked to stop."""
    settings = Settings()
    set_up_logs(settings.log_level)
    return asyncio.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
