"""What the environment may say."""

from __future__ import annotations

import pytest
from localaws.settings import Settings


def test_an_empty_environment_suits_the_chart():
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.port, settings.toxiproxy_url) == (4566, "http://toxiproxy:8474")
    assert settings.allow_reset is False


def test_every_setting_is_read():
    settings = Settings.from_environment(
        {
            "LOCALAWS_PORT": "0",
            "LOCALAWS_TOXIPROXY_URL": "http://t:1/",
            "LOCALAWS_FAILOVER_SECONDS": "1.5",
            "LOCALAWS_SEED": "false",
            "AWS_REGION": "eu-north-1",
        }
    )
    assert (settings.port, settings.toxiproxy_url) == (0, "http://t:1")
    assert (settings.failover_seconds, settings.seed) == (1.5, False)
    assert settings.region == "eu-north-1"


def test_the_variable_of_a_kubernetes_service_is_not_taken_for_the_port():
    assert Settings.from_environment({"LOCALAWS_PORT": "tcp://10.96.0.7:4566"}).port == 4566


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOCALAWS_PORT", "http"),
        ("LOCALAWS_FAILOVER_SECONDS", "soon"),
        ("LOCALAWS_FAILOVER_SECONDS", "0"),
        ("LOCALAWS_FAILOVER_SECONDS", "9999"),
        ("LOCALAWS_SEED", "maybe"),
    ],
)
def test_refuses_what_it_cannot_read_and_names_it(name, text):
    with pytest.raises(ValueError, match=f"{name} is '{text}'"):
        Settings.from_environment({name: text})
