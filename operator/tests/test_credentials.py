"""kopf reaches the API server with the same credentials as our own client."""

import pytest
from cloudcafe_operator.effects.kubernetes import load_credentials
from kubernetes.config import incluster_config


@pytest.fixture
def service_account(tmp_path, monkeypatch):
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("a.service.account")
    authority.write_text("a certificate")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return authority


def test_a_pods_token_is_given_bare_without_the_name_of_its_scheme(service_account):
    found = load_credentials()
    assert found["token"] == "a.service.account"
    assert found["server"] == "https://10.96.0.1:443"
    assert found["ca_path"] == str(service_account)
