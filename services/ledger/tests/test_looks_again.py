"""What a report tells whoever comes back to its damage: where it lies, and without the stock."""

from datetime import timedelta

from cafe_ledger.audit import Auditor, Window

from services.ledger.tests.test_audit import World


async def test_it_is_told_between_which_placings_the_damage_lies_also_where_none_is_kept():
    world = World(most=8)
    placed = [world.ago(minutes=50) + timedelta(seconds=second) for second in range(50)]
    for at in placed:
        world.books.remove("inventory", world.books.sell(at=at))
    world.books.sell(at=world.ago(minutes=5))
    under_way = world.ago(minutes=3)
    world.books.order("paid", at=under_way, store="b.two")
    report = await world.audit()
    assert report.damaged == {"cloudcafe.soho": (placed[0], placed[-1])}
    assert report.unsettled == {"b.two": (under_way, under_way)}


async def test_the_stock_of_items_is_left_out_where_only_orders_are_asked_for():
    world = World()
    world.books.level()["sold"] += 1
    window = Window(world.ago(hours=1), world.now)
    report = await Auditor(world.collector, now=lambda: world.now).audit(window, levels=False)
    assert (report.levels, report.damages) == (0, 0)
