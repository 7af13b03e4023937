"""What the faults do to one request. Pure: the same seed and the same request, the same fate.

The fate depends on the request (its reference and the how-manieth try), never on the order in
which requests arrive, so that a run can be had again.
"""

import hashlib
from dataclasses import dataclass

from cafe_provider.models import Faults

_WHOLE = 2**64


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request."""

    lost_before: bool = False
    fails: bool = False
    declines: bool = False
    lost_after: bool = False


def fate(faults: Faults, subject: str, attempt: int) -> Fate:
    """The fate of the `attempt`-th request about `subject`."""

    def hits(kind: str, share: float) -> bool:
        seed = f"{faults.seed}:{kind}:{subject}:{attempt}".encode()
        drawn = int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest()) / _WHOLE
        return drawn < share

    return Fate(
        lost_before=hits("lost-before", faults.timeout_before_charge_share),
        fails=hits("fails", faults.error_share),
        # a card that is declined is declined at every try
        declines=_declines(faults, subject),
        lost_after=hits("lost-after", faults.timeout_after_charge_share),
    )


def _declines(faults: Faults, subject: str) -> bool:
    seed = f"{faults.seed}:declines:{subject}".encode()
    drawn = int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest()) / _WHOLE
    return drawn < faults.decline_share
