"""The chart as a whole: helm accepts it, packs it, and its own test suites pass."""

import subprocess
import tarfile

import pytest
import yaml

from dev.system import ROOT
from dev.tools import tool
from tests.charts.rendered import AWS, CHART, helm

PARTS = ("crds", "operator", "services", "local")


@pytest.mark.parametrize("values", [(), ("-f", AWS)], ids=["embedded", "aws"])
def test_helm_finds_nothing_to_complain_about(values):
    said = helm("lint", CHART, "--strict", *values).stdout
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_the_package_installs_without_the_repository(tmp_path):
    helm("package", CHART, "-d", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        files = archive.getnames()
    assert all(f"cloudcafe/charts/cloudcafe-{part}/Chart.yaml" in files for part in PARTS)
    assert not [name for name in files if "/tests/" in name]
    packed = helm("template", "cloudcafe", package).stdout.count("\nkind: ")
    assert packed == helm("template", "cloudcafe", CHART).stdout.count("\nkind: ")


def test_all_parts_have_one_version():
    charts = [yaml.safe_load(file.read_text()) for file in CHART.rglob("Chart.yaml")]
    assert len(charts) == len(PARTS) + 1
    assert len({(chart["version"], chart["appVersion"]) for chart in charts}) == 1


def test_helm_says_nothing_but_what_it_is_asked():
    assert not helm("template", "cloudcafe", CHART).stderr


def test_its_own_suites_pass():
    command = [str(tool("helm-unittest")), str(CHART)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 test suites" not in done.stdout


def test_it_ships_the_definitions_as_they_are_generated():
    generated = {file.name: file.read_text() for file in (ROOT / "crds").glob("*.yaml")}
    shipped = CHART / "charts" / "cloudcafe-crds" / "files"
    assert generated == {file.name: file.read_text() for file in shipped.glob("*.yaml")}
