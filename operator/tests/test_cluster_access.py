"""The API server is reached by a pod's account or by a kubeconfig, without the official client."""

import subprocess
import sys

import kopf
import pytest
import yaml
from cloudcafe_operator.effects import cluster_access
from cloudcafe_operator.effects.cluster_access import ClusterAccess
from cloudcafe_operator.settings import Settings
from kubernetes.config import kube_config


@pytest.fixture
def service_account(monkeypatch):
    """What kubelet gives to a pod; `renew` writes another token."""

    class Account:
        token = "first"

    def log_in_by_file(**_):
        return kopf.ConnectionInfo(server="https://kubernetes.default.svc", token=Account.token)

    monkeypatch.setattr(kopf, "login_with_service_account", log_in_by_file)
    return Account


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    """Write a kubeconfig for a user."""
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))

    def write(**user):
        entry = {"cluster": "here", "user": "ada"}
        document = {
            "current-context": "it",
            "contexts": [{"name": "it", "context": entry}],
            "clusters": [{"name": "here", "cluster": {"server": "https://203.0.113.7:6443"}}],
            "users": [{"name": "ada", "user": user}],
        }
        path.write_text(yaml.safe_dump(document))

    return write


@pytest.mark.parametrize(
    ("host", "server"),
    [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")],
)
def test_a_pod_reaches_it_by_address_so_that_broken_dns_does_not_matter(
    service_account, monkeypatch, host, server
):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    reach = ClusterAccess(Settings().api_server)
    assert reach.log_in().server == server
    assert reach.access().host == server


def test_a_pods_token_is_read_again_because_kubelet_renews_it(service_account, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(cluster_access.time, "monotonic", lambda: now[0])
    found = ClusterAccess("https://10.96.0.1:443").access()
    assert found.headers() == {"Authorization": "Bearer first"}
    service_account.token = "second"
    now[0] = 59.0
    assert found.headers() == {"Authorization": "Bearer first"}
    now[0] = 60.0
    assert found.headers() == {"Authorization": "Bearer second"}


def test_elsewhere_the_kubeconfig_says_who_one_is(kubeconfig):
    kubeconfig(token="a-token")
    found = ClusterAccess().access()
    assert (found.host, found.headers()) == (
        "https://203.0.113.7:6443",
        {"Authorization": "Bearer a-token"},
    )


def test_a_users_plugin_is_asked_through_the_official_client(kubeconfig):
    said = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
    said += '"status":{"token":"of-the-plugin"}}'
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    kubeconfig(exec=plugin | {"command": "echo", "args": [said]})
    assert ClusterAccess().log_in().token == "of-the-plugin"


def test_without_the_client_a_plugin_is_not_asked_and_the_log_says_why(
    kubeconfig, monkeypatch, capsys
):
    kubeconfig(exec={"command": "echo"})
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    assert ClusterAccess().log_in().token is None
    assert "package kubernetes must be installed" in capsys.readouterr().out


def test_nothing_at_all_is_said_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(kopf.LoginError, match="set KUBECONFIG"):
        ClusterAccess().log_in()


@pytest.mark.parametrize("package", ["kubernetes", "rich"])
def test_an_operator_that_starts_does_not_load_what_it_does_not_use_and_may_later(package):
    code = f"import sys, cloudcafe_operator.__main__; assert '{package}' not in sys.modules"
    subprocess.run([sys.executable, "-c", f"{code}; import {package}"], check=True, timeout=60)
