"""The pages as files: what headers they come with, and that nothing in them needs more."""

import re
from html.parser import HTMLParser

import pytest
from cafe_storefront.pages import FOLDER, HEADERS, pages

from dev.system import ROOT

TERRAFORM = (ROOT / "terraform/modules/frontend/cloudfront.tf").read_text()
PAGES = pages()
HTML = sorted(name for name in PAGES if name.endswith(".html"))
SCRIPTS = sorted(name for name in PAGES if name.endswith(".js"))


class Tags(HTMLParser):
    """All elements with their attributes, and what is written in scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inline, self._in = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._in = tag

    def handle_data(self, data):
        if self._in in {"script", "style"} and data.strip():
            self.inline.append(data)


def tags(name):
    return Tags(PAGES[name].body.decode()).found


async def test_a_page_comes_with_its_headers_and_costs_nothing_when_it_is_known(world):
    page = await world.http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {name: page.headers[name] for name in HEADERS} == HEADERS
    again = await world.http.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await world.http.head("/board/board.js")).status_code == 200


@pytest.mark.parametrize("path", ["nothing.html", "../app.py", "%2e%2e/app.py", "board", "shop/"])
async def test_what_is_no_page_is_not_found(world, path):
    assert (await world.http.get(f"/{path}")).status_code == 404


def test_the_headers_are_those_of_cloudfront():
    policy = re.search(r'content_security_policy = "([^"]+)"', TERRAFORM)[1]
    assert HEADERS["Content-Security-Policy"] == policy
    assert HEADERS["Permissions-Policy"] in TERRAFORM
    assert HEADERS["Referrer-Policy"] in TERRAFORM


def test_what_the_pages_call_goes_to_the_api():
    paths = (ROOT / "terraform/modules/frontend/variables.tf").read_text()
    routes = (ROOT / "terraform/modules/loadbalancing/alb.tf").read_text()
    shop = "".join(file.read_text() for file in (FOLDER / "shop").glob("*.js"))
    called = {f"/{part}/*" for part in re.findall(r'["`]/([a-z]+)/', shop)}
    assert called == {"/shop/*"}
    assert '"/shop/*"' in paths
    assert '"/shop/*"' in routes
    assert "/board" not in paths + routes


def test_what_is_for_staff_is_not_among_the_public_pages():
    names = {file.name for file in (FOLDER / "shop").iterdir()}
    assert not [name for name in names if "board" in name]
    assert {f"board/{file.name}" for file in (FOLDER / "board").iterdir()} < set(PAGES)


@pytest.mark.parametrize("name", HTML)
def test_a_page_loads_from_here_alone_and_has_no_script_of_its_own(name):
    for tag, given in tags(name):
        assert not [key for key in given if key.startswith("on") or key == "style"], (name, tag)
        target = given.get("src") or given.get("href") or ""
        assert ":" not in target, target
        if tag in {"script", "link"}:
            folder = "" if target.startswith("/") else name.rpartition("/")[0]
            path = f"{folder}/{target}".strip("/")
            assert path in PAGES, path
    assert Tags(PAGES[name].body.decode()).inline == []


@pytest.mark.parametrize("name", HTML)
def test_a_page_says_its_language_its_title_and_how_wide_it_is(name):
    found = tags(name)
    assert ("html", {"lang": "en"}) in found
    assert any(tag == "title" for tag, _ in found)
    assert any(given.get("name") == "viewport" for _, given in found)
    named = {given.get("for") for tag, given in found if tag == "label"}
    assert {given["id"] for tag, given in found if tag == "input"} == named - {None}


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_stays_text(name):
    source = PAGES[name].body.decode()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "://"):
        assert way not in source, way


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_finds_what_it_imports_and_the_elements_that_it_names(name):
    source = PAGES[name].body.decode()
    folder = name.rpartition("/")[0]
    for wanted, target in re.findall(r'import \{([^}]+)\} from "([^"]+)"', source):
        path = (
            target.removeprefix("../")
            if target.startswith("../")
            else target.replace("./", f"{folder}/")
        )
        exported = PAGES[path.strip("/")].body.decode()
        for one in wanted.split(","):
            assert re.search(rf"export (async )?(function|const) {one.strip()}\b", exported), one
    ids = set(re.findall(r'byId\("([a-z-]+)"\)', source))
    there = {
        given["id"]
        for page in HTML
        if page.rpartition("/")[0] == folder
        for _, given in tags(page)
        if "id" in given
    }
    assert ids <= there
