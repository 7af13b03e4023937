"""Counting in sentences that people read. Pure."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return `1 target`, `2 targets`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
