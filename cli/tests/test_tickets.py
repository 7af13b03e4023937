"""`cafectl tickets`: a till shows a ticket before it deletes it, and trusts no text of a guest."""

import io
import json

import pytest
from cafectl import tickets_command
from cafectl.redrive import Letter
from cafectl.terminal import Terminal
from cafectl.tickets import Ticket, read, take

from cli.tests.test_hostile import EVIL, steers, without_styles
from cli.tests.test_redrive import Died, FakePost, emulator

QUEUE = "cloudcafe-default_corner-orders.fifo"
__all__ = ["emulator"]


def body(number=1, **changes):
    said = {
        "id": f"o-{number}:store.ticket",
        "type": "store.ticket",
        "version": 1,
        "orderId": f"o-{number}",
        "placedAt": "2026-11-22T12:00:00+00:00",
        "customerId": "ada",
        "lines": [{"sku": "espresso", "name": "Espresso", "quantity": 2}],
    }
    return json.dumps(said | changes)


def letters(*bodies):
    return [Letter(f"m{n}", one, f"r{n}") for n, one in enumerate(bodies)]


def taken(post, *, limit=100):
    shown = []
    found = take(post, QUEUE, shown.append, limit=limit)
    return found, [ticket.order for ticket in shown]


def test_each_ticket_is_shown_and_deleted():
    post = FakePost(*letters(body(1), body(2)))
    found, shown = taken(post)
    assert (found.tickets, shown) == (2, ["o-1", "o-2"])
    assert post.letters == {}


def test_no_more_are_taken_than_asked_for():
    post = FakePost(*letters(body(1), body(2), body(3)))
    assert taken(post, limit=2)[1] == ["o-1", "o-2"]
    assert len(post.letters) == 1


def test_a_till_that_dies_before_it_deletes_leaves_the_ticket_for_the_next():
    post = FakePost(*letters(body()))
    post.die_before_delete = True
    shown = []
    with pytest.raises(Died):
        take(post, QUEUE, shown.append, limit=1)
    assert [ticket.order for ticket in shown] == ["o-1"], "nothing is deleted that nobody saw"
    post.die_before_delete = False
    post.hidden.clear()
    assert taken(post)[1] == ["o-1"]


def test_a_ticket_that_comes_twice_is_made_once():
    post = FakePost(*letters(body(), body()))
    found, shown = taken(post)
    assert (found.tickets, shown, post.letters) == (1, ["o-1"], {})


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"type": "store.ticket"}', body(type="tea"), body(lines=[{}]), "[" * 9999],
)
def test_what_is_no_ticket_stays_where_it_is(text):
    post = FakePost(*letters(text, body(7)))
    found, shown = taken(post)
    assert (found.unread, shown) == (1, ["o-7"])
    assert [one.body for one in post.letters.values()] == [text]


def test_who_follows_takes_what_comes_after_quiet_moments():
    class Quiet(FakePost):
        moments = 0

        def receive(self, queue, *, most, hidden_seconds):
            self.moments += 1
            return letters(body(self.moments)) if self.moments % 5 == 0 else []

        def delete(self, queue, letter):
            """Gone."""

    shown = []
    take(Quiet(), QUEUE, shown.append, limit=2, follow=True)
    assert [ticket.order for ticket in shown] == ["o-5", "o-10"]


def test_a_ticket_says_what_to_make_and_for_whom():
    assert read(body()) == Ticket("o-1", "2026-11-22T12:00:00+00:00", "ada", ("2 Espresso",))


def test_what_a_guest_or_a_menu_words_is_one_line_and_steers_nothing(monkeypatch):
    out = io.StringIO()
    console = Terminal(file=out, width=4000, force_terminal=True)
    monkeypatch.setattr(tickets_command, "console", console)
    evil = {"sku": "x", "name": EVIL, "quantity": 1}
    ticket = read(body(customerId=EVIL, orderId=EVIL, placedAt=EVIL, lines=[evil, evil]))
    tickets_command._show(ticket)
    assert steers(without_styles(out.getvalue())) == []
    assert "[red]x[/red]" in out.getvalue()


def command(emulator, monkeypatch, *arguments):
    from cafectl.app import app  # noqa: PLC0415 - boto3 takes a while, the fakes need none
    from typer.testing import CliRunner  # noqa: PLC0415

    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tickets_command.console, "width", 300)
    return CliRunner().invoke(app, ["tickets", "corner", *arguments])


def test_a_real_queue_is_counted_and_emptied(emulator, monkeypatch):
    queue = emulator.new_queue()
    client = emulator.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    for number in range(3):
        client.send_message(
            QueueUrl=url,
            MessageBody=body(number),
            MessageGroupId=f"o-{number}",
            MessageDeduplicationId=f"o-{number}",
        )
    counted = command(emulator, monkeypatch, "--queue", url)
    assert "3 tickets wait" in counted.stdout, counted.output
    one = command(emulator, monkeypatch, "--queue", queue, "--take", "1")
    assert "2 Espresso  for ada  order o-0" in one.stdout
    rest = command(emulator, monkeypatch, "--queue", url, "--take", "10")
    assert rest.exit_code == 0
    assert len(rest.stdout.splitlines()) == 2
    assert "0 tickets wait" in command(emulator, monkeypatch, "--queue", url).stdout
    assert "No ticket" in command(emulator, monkeypatch, "--queue", url, "--take", "1").stdout


def test_a_queue_that_is_not_there_is_named(emulator, monkeypatch):
    result = command(emulator, monkeypatch, "--queue", "no-such.fifo", "--take", "1")
    assert result.exit_code == 2
    assert "there is no no-such.fifo" in result.stderr
