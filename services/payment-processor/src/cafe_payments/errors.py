"""What can become of a call to the provider, and of a delivery. Raised and caught in this package.

ProviderError
├── NotReachedError       it certainly did not get the request
├── OutcomeUnknownError   it may have done what was asked
└── RefusedError          it refused for good
WaitError                 not now: the message comes again
MismatchError             the message contradicts the ledger
"""


class ProviderError(Exception):
    """A call to the provider that did not succeed."""


class NotReachedError(ProviderError):
    """It certainly did not get the request: nothing happened there."""


class OutcomeUnknownError(ProviderError):
    """It may have done what was asked, or do it still."""


class RefusedError(ProviderError):
    """It will never do this; nothing happened there."""


class WaitError(Exception):
    """Not now; whoever works on it, or time, has to move first."""

    def __init__(self, reason: str, after_seconds: float = 1.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_seconds = after_seconds


class MismatchError(Exception):
    """No retry makes this message agree with the ledger: a person has to look."""
