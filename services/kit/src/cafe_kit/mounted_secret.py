"""A store's password or URL as it is now: AWS rotates passwords while the process runs, unasked.

A store asks whenever it opens a connection; what is open stays open. In the cluster each such
value is a file as well as a variable: a variable is for ever what it was at the start, while the
kubelet exchanges the files of a Secret that changed. Made by `settings.py`; `managed_secret.py` is
for what runs outside of the cluster.
"""

from pathlib import Path


class MountedSecret:
    """What a file of a mounted Secret says, or said when it could last be read."""

    def __init__(self, file: Path | None, first: str) -> None:
        """`first` is the variable's value; without a file it stays the only one."""
        self._file = file
        self._value = first

    def __call__(self) -> str:
        """The value. It is read of memory (tmpfs), so it may be asked for on the event loop."""
        if self._file is not None:
            try:
                self._value = self._file.read_text()
            except (OSError, UnicodeDecodeError):
                # not mounted, or no text: what served until now is the best there is
                return self._value
        return self._value
