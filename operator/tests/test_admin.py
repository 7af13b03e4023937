"""The services' admin ports: reached with the token, which nobody else ever gets."""

import pytest
from cloudcafe_operator.effects.admin import ServiceAdmin
from cloudcafe_operator.errors import AccessDenied, Unavailable, UserError

from tests.fakes import FakeHttp, FakeKubernetes


class Cafe:
    """A cafe with one pod of order; whatever is called answers what it was asked."""

    def __init__(self):
        self.kubernetes, self.http = FakeKubernetes(), FakeHttp()
        self.admin = ServiceAdmin(self.kubernetes, self.http, "cloudcafe", "secret")
        self.status = 200
        for host in ("order.cloudcafe:9090", "10.0.0.7:9090", "[fd00::7]:9090", "10.6.6.6:9090"):
            self.http.mount(host, self.answer)
        self.run("order", "10.0.0.7")

    def answer(self, method, path, body, headers):
        return self.status, {"asked": [method, path, body, headers.get("Authorization")]}

    def run(self, service, ip, *, port="admin", namespace="cloudcafe"):
        labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "cloudcafe"}
        self.kubernetes.seed(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"{service}-{ip.replace(':', '-')}",
                    "namespace": namespace,
                    "labels": labels,
                },
                "spec": {"containers": [{"ports": [{"name": port, "containerPort": 9090}]}]},
                "status": {"phase": "Running", "podIP": ip},
            }
        )

    async def call(self, service="order", *, namespace="cloudcafe", pod_ip=""):
        return await self.admin.call(
            service, "POST", "/admin/stress", namespace=namespace, pod_ip=pod_ip, json={"share": 1}
        )


@pytest.mark.parametrize("pod_ip", ["", "10.0.0.7"])
async def test_a_service_is_called_with_the_token(pod_ip):
    answer = await Cafe().call(pod_ip=pod_ip)
    assert answer["asked"] == ["POST", "/admin/stress", {"share": 1}, "Bearer secret"]


async def test_an_address_of_version_six_stands_in_brackets():
    cafe = Cafe()
    cafe.run("order", "fd00::7")
    assert await cafe.call(pod_ip="fd00::7")


async def test_a_refusal_is_what_it_means():
    cafe = Cafe()
    cafe.status = 403
    with pytest.raises(AccessDenied):
        await cafe.call()


async def test_another_namespace_never_gets_the_token():
    cafe = Cafe()
    cafe.run("order", "10.6.6.6", namespace="elsewhere")
    cafe.http.mount("order.elsewhere:9090", cafe.answer)
    with pytest.raises(UserError, match="the cafe's services are in namespace cloudcafe"):
        await cafe.call(namespace="elsewhere")


@pytest.mark.parametrize("service", ["toxiproxy", "cloudcafe-operator", "nobody", "order,x"])
async def test_what_is_no_service_never_gets_the_token(service):
    cafe = Cafe()
    cafe.run("toxiproxy", "10.0.0.8", port="api")
    cafe.run("cloudcafe-operator", "10.0.0.9")
    cafe.http.mount(f"{service}.cloudcafe:9090", cafe.answer)
    with pytest.raises(UserError, match="is no service of the cafe"):
        await cafe.call(service)


async def test_an_address_that_is_not_the_services_never_gets_the_token():
    with pytest.raises(Unavailable, match="no pod of order has the address"):
        await Cafe().call(pod_ip="10.6.6.6")


async def test_the_token_is_not_shown():
    assert "secret" not in repr(Cafe().admin)
