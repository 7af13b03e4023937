"""The plan of images, read from a checkout."""

import json
import shutil

import pytest
import yaml

from dev.images.plan import APART, RUNTIME, images, runtimes, values, workspace
from dev.system import ROOT


@pytest.fixture
def checkout(tmp_path):
    """Two services on a kit, one of them without a Dockerfile yet."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["services/*", "localaws"]\n'
    )
    member(tmp_path / "services/kit", "cafe-kit")
    member(tmp_path / "services/order", "cafe-order", "cafe-kit", "asyncpg==1")
    member(tmp_path / "services/draft", "cafe-draft", "cafe-kit")
    member(tmp_path / "localaws", "localaws", "moto==5")
    for name in ("services/order", "localaws"):
        (tmp_path / name / "Dockerfile").write_text("FROM base")
    return tmp_path


def member(folder, name, *dependencies):
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "code.py").write_text(name)
    lines = ["[project]", f'name = "{name}"', f"dependencies = {json.dumps(dependencies)}"]
    (folder / "pyproject.toml").write_text("\n".join(lines))


def named(checkout, name):
    return next(image for image in images(checkout) if image.name == name)


def test_a_member_with_a_dockerfile_is_an_image_and_one_without_is_not(checkout):
    names = [image.name for image in images(checkout) if image.python]

    assert names == ["localaws", "order"]


def test_an_image_holds_the_sources_of_the_members_it_depends_on(checkout):
    sources = named(checkout, "order").sources

    assert sources == (checkout / "services/kit/src", checkout / "services/order/src")


@pytest.mark.parametrize("changed", ["services/kit/src/code.py", "services/order/Dockerfile"])
def test_the_tag_follows_what_is_in_the_image(checkout, changed):
    before = named(checkout, "order").tag("base")

    (checkout / changed).write_text("changed")

    assert named(checkout, "order").tag("base") != before


def test_the_tag_ignores_other_members_and_follows_the_image_below(checkout):
    before = named(checkout, "order").tag("base")

    (checkout / "localaws/src/code.py").write_text("changed")

    assert named(checkout, "order").tag("base") == before
    assert named(checkout, "order").tag("another base") != before


def test_the_tag_is_the_same_in_another_checkout(checkout, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(checkout, other, ignore=shutil.ignore_patterns("elsewhere"))

    assert named(other, "order").tag("base") == named(checkout, "order").tag("base")


def test_the_emulators_dependencies_stay_out_of_everyone_elses_runtime(checkout):
    wanted = runtimes(workspace(checkout))

    assert wanted[f"{RUNTIME}-{APART}"] == ["localaws"]
    assert wanted[RUNTIME] == ["cafe-draft", "cafe-kit", "cafe-order"]


def test_the_values_file_names_repository_and_tag_of_each_image():
    text = values({"order": "cloudcafe/order:0123", "menu": "cloudcafe/menu:1e10"})

    assert yaml.safe_load(text)["global"]["images"] == {
        "menu": {"repository": "cloudcafe/menu", "tag": "1e10"},
        "order": {"repository": "cloudcafe/order", "tag": "0123"},
    }


def test_the_projects_own_images_are_those_that_the_chart_names():
    assert {image.name for image in images(ROOT)} >= {
        *("order", "menu", "inventory", "operator", "localaws", "cli"),
        *("postgresql", "documentdb", "toxiproxy"),
    }
