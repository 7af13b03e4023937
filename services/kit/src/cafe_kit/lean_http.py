"""The connections of `lean_aws.py`: headers read as lines, and an end that sends nothing more."""

import http.client
import socket
import ssl
import struct
from contextlib import suppress

LONGEST_LINE = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time."""


class Response(http.client.HTTPResponse):
    """A response whose headers are read as lines; the standard way parses them as an e-mail."""

    def begin(self) -> None:
        """Read the status and the headers."""
        status = 100
        while status == http.HTTPStatus.CONTINUE:
            # the standard library's own reading of the status line
            _, status, self.reason = self._read_status()  # type: ignore[attr-defined] # no stub
            plain = self._read_headers()
        self.code = self.status = status
        self.version = 11
        self.headers = self.msg = plain  # type: ignore[assignment] # a mapping is all we read
        self.chunked = plain.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = plain.get("content-length", "")
        self.length = int(length) if length.isdigit() and not self.chunked else None
        ends = self.length is not None or self.chunked
        self.will_close = plain.get("connection", "").lower() == "close" or not ends

    def _read_headers(self) -> dict[str, str]:
        plain: dict[str, str] = {}
        while (line := self.fp.readline(LONGEST_LINE)) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            plain[name.lower()] = value.strip()
        return plain


def opened(
    host: str, tls: ssl.SSLContext | None, connect_seconds: float, read_seconds: float
) -> http.client.HTTPConnection:
    """A new connection, which then waits `read_seconds` for each part of an answer."""
    connection = (
        http.client.HTTPSConnection(host, timeout=connect_seconds, context=tls)
        if tls
        else http.client.HTTPConnection(host, timeout=connect_seconds)
    )
    connection.response_class = Response
    connection.connect()
    connection.sock.settimeout(read_seconds)
    return connection


def abort(connection: http.client.HTTPConnection) -> None:
    """Close so that the kernel sends nothing more of what was written."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()
