"""Odd values of a store's spec: what one judge of them admits, all must."""

from __future__ import annotations

from typing import Any

ZONES = (
    "Europe/Lisbon", "UTC", "GMT", "Etc/GMT+12", "EST5EDT", "America/Argentina/ComodRivadavia",
    "America/Port-au-Prince", "Asia/Kathmandu", "Zulu", "+02:00", "-08:00", "2:00", "02:00",
    "Local", "localtime", "posixrules", "posix/Europe/Lisbon", "right/Europe/Lisbon",
    "europe/lisbon", "Europe/Lisbonn", "America", "../UTC", "/UTC", "UTC\n", "zone.tab", "",
)  # fmt: skip
TEXTS = (
    "Lisbon",
    " ",
    "São Paulo ☕",
    "Lis\nbon",
    "Lisbon\n",
    "\tLisbon",
    "Lis\x00bon",
    "\x7f",
    "\x85",
)
SKUS = ("espresso", "Flat.White-2_x", "-x", "x\n", "a b", "x" * 64, "x" * 65)
CURRENCIES = ("EUR", "eur", "EURO", "EUR\n", "ÄUR")
LATENCIES = ("10ms", "99999ms", "1s", "9ms", "100000ms", "0800ms", "800ms\n", "800")


def item(**fields: Any) -> dict[str, Any]:
    """Return an item of a menu."""
    return {"sku": "tea", "name": "Tea", "priceMinor": 320, **fields}


def specs() -> list[dict[str, Any]]:
    """Return fields of a spec, one odd value in each."""
    return [
        *({"timezone": one} for one in ZONES),
        *({"city": one} for one in TEXTS),
        *({"menu": [item(name=one)]} for one in TEXTS),
        *({"menu": [item(category=one)]} for one in TEXTS),
        *({"menu": [item(sku=one)]} for one in SKUS),
        *({"stock": [{"sku": one, "quantity": 1}]} for one in (*SKUS, "lungo", "tea")),
        {"menu": [item()], "stock": [{"sku": "espresso", "quantity": 1}]},
        *({"currency": one} for one in CURRENCIES),
        *({"slo": {"latencyP99": one}} for one in LATENCIES),
    ]
