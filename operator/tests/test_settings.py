"""Settings come from the environment, and from nowhere else."""

import pytest
from cloudcafe_operator.settings import Settings
from pydantic import ValidationError


def test_namespaces_are_a_comma_separated_list(monkeypatch):
    monkeypatch.setenv("CAFE_NAMESPACES", "lisbon, porto")
    assert Settings().namespaces == ("lisbon", "porto")


def test_without_namespaces_all_are_watched(monkeypatch):
    monkeypatch.delenv("CAFE_NAMESPACES", raising=False)
    assert Settings().namespaces == ()


def test_what_is_open_to_probes_is_read_as_networks(monkeypatch):
    monkeypatch.setenv("CAFE_PROBES_TO", "10.1.2.3/16, fd12::/48")
    assert [str(one) for one in Settings().probes_to] == ["10.1.0.0/16", "fd12::/48"]
    monkeypatch.setenv("CAFE_PROBES_TO", "monitoring")
    with pytest.raises(ValidationError):
        Settings()


def test_kubernetes_names_who_we_are(monkeypatch):
    monkeypatch.setenv("POD_NAME", "operator-7d9f")
    assert Settings().pod_name == "operator-7d9f"


def test_the_service_token_is_not_shown(monkeypatch):
    monkeypatch.setenv("CAFE_SERVICE_TOKEN", "very-secret")
    assert "very-secret" not in repr(Settings())


@pytest.mark.parametrize(("name", "value"), [("WORKERS", "0"), ("RESYNC_SECONDS", "-1")])
def test_nonsense_is_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv(f"CAFE_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
