"""`python -m cloudcafe_operator`: read the settings, set up logs, run."""

from __future__ import annotations

import asyncio
import logging
import sys

# kopf loads the official client where it is installed, to know models that we never hand to it
# from other objects, and structlog loads what colours a traceback: a tenth of our memory. Who logs
# in by a plugin still gets the client.
SPARED = ("kubernetes", "rich")
sys.modules.update(dict.fromkeys(SPARED))  # type: ignore[arg-type] # that refuses an import
import kopf  # noqa: E402, F401
import structlog  # noqa: E402

for _name in SPARED:
    del sys.modules[_name]

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
    # not on uvloop: in its four threads for names an address waits as well, so that two names that
    # do not resolve cost the Lease
    return asyncio.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
