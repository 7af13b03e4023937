"""Consistent books drawn at random, and everything that we know how to break in them."""

from dataclasses import dataclass
from datetime import timedelta

from cafe_ledger.fakes import NOON, FakeBooks
from cafe_ledger.findings import Kind
from hypothesis import strategies as st

NOW = NOON + timedelta(hours=3)
LONGEST_S = 7000
STORES = ("cloudcafe.soho", "cloudcafe.kiosk", "lisbon.corner")

lines = st.lists(
    st.tuples(
        st.sampled_from(("espresso", "latte", "cake", "water")),
        st.integers(1, 5),
        st.integers(1, 900),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line[0],
)
orders = st.fixed_dictionaries(
    {
        "at": st.integers(0, LONGEST_S).map(lambda s: NOON + timedelta(seconds=s)),
        "store": st.sampled_from(STORES),
        "customer": st.sampled_from((None, "ada", "bob")),
        "lines": lines,
    }
)


def sold(books, draw, order):
    order_id = books.sell(**order)
    again = draw(st.sampled_from((None, "voided", "refunded", "declined")))
    if again:  # a second charge that did not keep the money is fine
        books.repeat("payment-provider", order_id, chargeId=f"again-{order_id}", state=again)
    if books.entry("order", order_id)["customerId"] and draw(st.booleans()):
        books.remove("loyalty", order_id)
        books.grant(order_id, multiplier=2)
    return order_id


def ended(books, draw, order, status):
    order_id = books.order(status, **order)
    state = draw(st.sampled_from((None, "declined", "voided", "refunded")))
    if state:
        books.pay(order_id, state)
    if draw(st.booleans()):
        books.move(order_id, "released")
    return order_id


def under_way(books, draw, order, status):
    """Anything may stand in the books of an order that is not at its end."""
    order_id = books.order(status, **order)
    if draw(st.booleans()):
        books.pay(order_id, draw(st.sampled_from(("authorised", "captured"))))
    if draw(st.booleans()):
        books.move(order_id, draw(st.sampled_from(("reserved", "committed"))))
    return order_id


@st.composite
def worlds(draw):
    """Books of up to a dozen orders that are in order."""
    books = FakeBooks()
    worth = {"customer": "ada", "lines": [("espresso", 1, 250), ("cake", 2, 300)]}
    books.sell(at=draw(orders)["at"], **worth)
    for status in ("cancelled", "rejected"):
        ended(books, draw, draw(orders), status)
    for order in draw(st.lists(orders, max_size=8)):
        status = draw(st.sampled_from(("completed", "cancelled", "rejected", "placed", "paid")))
        if status == "completed":
            sold(books, draw, order)
        elif status in ("placed", "paid"):
            just_now = NOW - timedelta(seconds=draw(st.integers(1, 500)))
            under_way(books, draw, order | {"at": just_now}, status)
        else:
            ended(books, draw, order, status)
    for _ in range(draw(st.integers(1, 4))):
        quantities = st.integers(0, 100)
        books.level(sold=draw(quantities), available=draw(quantities), reserved=draw(quantities))
    for entries in books.books.values():
        entries[:] = draw(st.permutations(entries))
    return books


@dataclass(frozen=True)
class Damage:
    """One way to break the books: `strike` does it to an order that `suits`."""

    kind: Kind
    strike: object
    suits: object = lambda books, order: order["status"] == "completed"

    def apply(self, books, draw):
        """Break one order at random; return its id."""
        fit = [o["orderId"] for o in books.books["order"] if self.suits(books, o)]
        victim = draw(st.sampled_from(sorted(fit)))
        self.strike(books, victim)
        return victim


def unsold(_, order):
    return order["status"] in ("cancelled", "rejected")


def earned(books, order):
    return any(one["orderId"] == order["orderId"] for one in books.books["loyalty"])


def change(book, **fields):
    """Return a strike that overwrites fields of the captured (or only) entry of a book."""

    def strike(books, victim):
        same = [one for one in books.books[book] if one["orderId"] == victim]
        entry = next((one for one in same if one.get("state") == "captured"), same[0])
        entry |= {
            name: value(entry[name]) if callable(value) else value for name, value in fields.items()
        }

    return strike


def remove(book):
    return lambda books, victim: books.remove(book, victim)


def repeat(book, **changes):
    def strike(books, victim):
        same = [one for one in books.books[book] if one["orderId"] == victim]
        kept = next((one for one in same if one.get("state") == "captured"), same[0])
        books.books[book].append(kept | changes)

    return strike


def stray(book):
    """Return a strike that writes an entry of an order that nobody placed."""
    return lambda books, victim: books.repeat(book, victim, orderId=f"ghost-of-{victim}")


def money(books, victim, book, state):
    """Make a book say that an unsold order's money is in this state."""
    books.remove(book, victim)
    order = books.entry("order", victim)
    amount = {"currency": order["currency"], "amountMinor": order["totalMinor"]}
    same = {name: order[name] for name in ("orderId", "storeId", "placedAt")}
    books.books[book].append(same | amount | {"state": state, "chargeId": "kept"})


def keeps(book, state):
    return lambda books, victim: money(books, victim, book, state)


def moves(status):
    def strike(books, victim):
        books.remove("inventory", victim)
        books.move(victim, status)

    return strike


def costs_more(books, victim):
    books.entry("order", victim)["lines"][0]["unitPriceMinor"] += 1


def moves_one_more(books, victim):
    books.entry("inventory", victim)["lines"][0]["quantity"] += 1


def moves_another(books, victim):
    books.entry("inventory", victim)["lines"][0]["sku"] = "tea"


def never_ends(books, victim):
    books.entry("order", victim)["status"] = "confirmed"


def double(number):
    return number * 2


PROVIDER, PROCESSOR, STOCK = "payment-provider", "payment-processor", "inventory"
POINTS, SALES = "loyalty", "analytics-worker"

DAMAGES = {
    "an order that never ends": Damage(Kind.ORDER_STUCK, never_ends),
    "a total that is not the sum": Damage(Kind.ORDER_TOTAL, costs_more),
    "an order listed twice": Damage(Kind.ORDER_DUPLICATED, repeat("order")),
    "a sale that was never charged": Damage(Kind.CHARGE_MISSING, remove(PROVIDER)),
    "a charge that was voided": Damage(Kind.CHARGE_MISSING, change(PROVIDER, state="voided")),
    "charged twice": Damage(Kind.CHARGE_DUPLICATED, repeat(PROVIDER, chargeId="second")),
    "charged double": Damage(Kind.CHARGE_DIFFERING, change(PROVIDER, amountMinor=double)),
    "charged in dollars": Damage(Kind.CHARGE_DIFFERING, change(PROVIDER, currency="USD")),
    "charged for another store": Damage(Kind.CHARGE_DIFFERING, change(PROVIDER, storeId="x.y")),
    "charged without a sale": Damage(Kind.CHARGE_UNWANTED, keeps(PROVIDER, "captured"), unsold),
    "money blocked for ever": Damage(Kind.CHARGE_OPEN, keeps(PROVIDER, "authorised"), unsold),
    "a sale blocked once more": Damage(
        Kind.CHARGE_OPEN, repeat(PROVIDER, chargeId="second", state="authorised")
    ),
    "a charge of nobody": Damage(Kind.CHARGE_ORPHANED, stray(PROVIDER)),
    "a payment that was lost": Damage(Kind.PAYMENT_MISSING, remove(PROCESSOR)),
    "a payment not captured": Damage(Kind.PAYMENT_MISSING, change(PROCESSOR, state="authorised")),
    "a payment entered twice": Damage(Kind.PAYMENT_DUPLICATED, repeat(PROCESSOR)),
    "a payment of another sum": Damage(
        Kind.PAYMENT_DIFFERING, change(PROCESSOR, amountMinor=double)
    ),
    "a payment of another charge": Damage(
        Kind.PAYMENT_DIFFERING, change(PROCESSOR, chargeId="other")
    ),
    "a payment without a sale": Damage(Kind.PAYMENT_UNWANTED, keeps(PROCESSOR, "captured"), unsold),
    "a payment left open": Damage(Kind.PAYMENT_OPEN, keeps(PROCESSOR, "authorising"), unsold),
    "a payment of nobody": Damage(Kind.PAYMENT_ORPHANED, stray(PROCESSOR)),
    "a sale without stock": Damage(Kind.STOCK_MISSING, remove(STOCK)),
    "a sale never committed": Damage(Kind.STOCK_MISSING, change(STOCK, status="reserved")),
    "a sale whose stock was released": Damage(Kind.STOCK_MISSING, change(STOCK, status="released")),
    "stock moved twice": Damage(Kind.STOCK_DUPLICATED, repeat(STOCK)),
    "one portion too many": Damage(Kind.STOCK_DIFFERING, moves_one_more),
    "another item": Damage(Kind.STOCK_DIFFERING, moves_another),
    "stock of another store": Damage(Kind.STOCK_DIFFERING, change(STOCK, storeId="x.y")),
    "stock sold without a sale": Damage(Kind.STOCK_UNWANTED, moves("committed"), unsold),
    "stock held for ever": Damage(Kind.STOCK_HELD, moves("reserved"), unsold),
    "stock of nobody": Damage(Kind.STOCK_ORPHANED, stray(STOCK)),
    "points forgotten": Damage(
        Kind.POINTS_MISSING,
        remove(POINTS),
        lambda books, order: earned(books, order) and order["totalMinor"] >= 100,
    ),
    "points granted twice": Damage(Kind.POINTS_DUPLICATED, repeat(POINTS), earned),
    "one point too many": Damage(
        Kind.POINTS_DIFFERING, change(POINTS, points=lambda n: n + 1), earned
    ),
    "points for somebody else": Damage(
        Kind.POINTS_DIFFERING, change(POINTS, customerId="eve"), earned
    ),
    "points without a sale": Damage(
        Kind.POINTS_UNWANTED,
        lambda books, victim: (
            books.grant(victim),
            books.entry(POINTS, victim).update(points=9, customerId="ada"),
        ),
        unsold,
    ),
    "points of nobody": Damage(Kind.POINTS_ORPHANED, stray(POINTS), earned),
    "a sale that analytics missed": Damage(Kind.SALE_MISSING, remove(SALES)),
    "a sale counted twice": Damage(Kind.SALE_DUPLICATED, change(SALES, rows=2)),
    "a row listed twice": Damage(Kind.SALE_DUPLICATED, repeat(SALES)),
    "a row that is behind": Damage(Kind.SALE_DIFFERING, change(SALES, status="paid")),
    "a row of another sum": Damage(Kind.SALE_DIFFERING, change(SALES, totalMinor=double)),
    "a row of nobody": Damage(Kind.SALE_ORPHANED, stray(SALES)),
}
LEVEL_DAMAGES = {
    "stock that vanished": "received",
    "stock from nowhere": "available",
    "stock sold and not taken": "sold",
    "stock held and not taken": "reserved",
}
