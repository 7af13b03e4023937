"""One file for all: what goes wrong for one who shares a commit goes wrong for nobody else."""

import asyncio
import sqlite3

import pytest
from cafe_kit.errors import UnavailableError
from cafe_provider.repository import Book


@pytest.fixture
async def book(tmp_path):
    made = Book(tmp_path)
    yield made
    await made.close()


def noting(subject, error=None):
    """A job that counts a try, and then fails if told so."""

    def job(connection):
        connection.execute("INSERT INTO tries VALUES (?, 1)", (subject,))
        if error is not None:
            raise error
        return subject

    return job


async def noted(book):
    rows = await book.do(lambda one: one.execute("SELECT subject FROM tries").fetchall())
    return sorted(row["subject"] for row in rows)


async def together(book, *jobs):
    async with asyncio.timeout(5):
        return await asyncio.gather(*map(book.do, jobs), return_exceptions=True)


async def test_a_job_that_fails_unexpectedly_has_changed_nothing_and_harms_no_other(book):
    error = OverflowError("Python int too large to convert to SQLite INTEGER")
    answers = await together(book, noting("a"), noting("b", error), noting("c"))
    assert answers == ["a", error, "c"]
    assert await noted(book) == ["a", "c"]


async def test_a_file_that_cannot_be_written_is_told_to_all(book):
    full = sqlite3.OperationalError("database or disk is full")
    answers = await together(book, noting("a"), noting("b", full), noting("c"))
    assert [type(answer) for answer in answers] == [UnavailableError] * 3
    assert await noted(book) == []


async def test_whatever_happens_everybody_is_answered(book, monkeypatch):
    def fail(_batch):
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as patched:
        patched.setattr(book, "_transact", fail)
        assert [str(one) for one in await together(book, noting("a"), noting("b"))] == [
            "unforeseen"
        ] * 2
    assert await together(book, noting("c")) == ["c"]
