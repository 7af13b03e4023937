"""Every pod of the chart is as closed as the Pod Security Standard `restricted`, and more."""

import re

from tests.charts.rendered import SERVICES, environment, render


def test_every_pod_runs_as_nobody_in_particular(chart):
    for name, pod in chart.pods().items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] == 10001, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name


def test_every_container_has_a_read_only_root_and_no_capability(chart):
    for name, container in chart.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_every_container_may_write_to_tmp(chart):
    for name, container in chart.containers():
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, name


def test_no_pod_borrows_from_its_host(chart):
    for name, pod in chart.pods().items():
        spec = pod["spec"]
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert not [volume for volume in spec["volumes"] if "hostPath" in volume], name


def test_only_the_operator_and_the_embedded_aws_hold_a_token_of_the_api_server(chart):
    holders = {
        name
        for name, pod in chart.pods().items()
        if pod["spec"].get("automountServiceAccountToken") is not False
    }
    assert holders - {"localaws"} == {"cloudcafe-operator"}
    assert ("localaws" in holders) == ("localaws" in chart.pods())


def test_no_service_puts_its_address_into_the_environment(chart):
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in chart.pods().values())


def test_everything_that_serves_has_three_probes(chart):
    for name, container in chart.serving():
        assert container.keys() >= {"startupProbe", "readinessProbe", "livenessProbe"}, name


def test_services_answer_their_probes_on_the_admin_port(chart):
    for name in SERVICES:
        container = chart.get("Deployment", name)["spec"]["template"]["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"http": 8080, "admin": 9090}
        for probe, path in (
            ("startup", "/startupz"),
            ("readiness", "/readyz"),
            ("liveness", "/livez"),
        ):
            assert container[f"{probe}Probe"]["httpGet"] == {"path": path, "port": "admin"}


def test_every_container_requests_cpu_and_memory_and_limits_its_memory(chart):
    for name, container in chart.containers():
        resources = container["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in resources["limits"], name


def test_the_embedded_cafe_fits_on_a_laptop(embedded):
    """2 cores and 4 GiB, with each service twice."""
    cpu_m = memory_mib = 0
    for name, container in embedded.serving():
        copies = 2 if name.split("/")[0] in SERVICES else 1
        requests = container["resources"]["requests"]
        cpu_m += copies * int(requests["cpu"].removesuffix("m"))
        memory_mib += copies * int(requests["memory"].removesuffix("Mi"))
    assert cpu_m <= 700
    assert memory_mib <= 2048


def test_what_is_secret_comes_from_a_secret(chart):
    secretive = re.compile(
        "PASSWORD|TOKEN|SECRET(?!S_FOLDER)|ACCESS_KEY|(DOCUMENTDB|CACHE|MEMORYDB)_URL"
    )
    for name, container in chart.containers():
        for variable in environment(container).values():
            if secretive.search(variable["name"]):
                assert "secretKeyRef" in variable["valueFrom"], f"{name} {variable['name']}"


def test_a_service_sees_only_the_secrets_of_what_it_talks_to(embedded):
    seen = {
        name: {
            variable["valueFrom"]["secretKeyRef"]["name"]
            for variable in environment(container).values()
            if "valueFrom" in variable and "secretKeyRef" in variable["valueFrom"]
        }
        for name, container in embedded.serving()
    }
    assert seen["menu/menu"] == {
        *("cloudcafe-service-token", "cloudcafe-documentdb"),
        *("cloudcafe-elasticache", "cloudcafe-aws"),
    }
    assert seen["inventory/inventory"] == {"cloudcafe-service-token", "cloudcafe-aws"}
    assert "cloudcafe-documentdb" not in seen["order/order"]
    assert seen["localaws/localaws"] == set()


def test_what_aws_rotates_is_mounted_beside_its_variable(chart):
    """A variable stays what it was at the start; the file is read again for each connection."""
    rotated = re.compile("(DATABASE|REDSHIFT)_PASSWORD|(DOCUMENTDB|CACHE|MEMORYDB)_URL")
    found = set()
    for name in SERVICES:
        pod = chart.get("Deployment", name)["spec"]["template"]["spec"]
        variables = environment(pod["containers"][0])
        wanted = {
            variable["name"]: (reference["name"], reference["key"])
            for variable in variables.values()
            if rotated.search(variable["name"])
            for reference in [variable["valueFrom"]["secretKeyRef"]]
        }
        sources = [
            source["secret"]
            for volume in pod["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
        ]
        mounted = {
            item["path"]: (secret["name"], item["key"])
            for secret in sources
            for item in secret["items"]
        }
        assert mounted == wanted, name
        assert ("CAFE_SECRETS_FOLDER" in variables) == bool(wanted), name
        found |= wanted.keys()
    assert len(found) == 5


def test_passwords_differ_from_one_installation_to_the_next(embedded):
    name = "cloudcafe-service-token"
    tokens = {way.get("Secret", name)["data"]["token"] for way in (embedded, render())}
    assert len(tokens) == 2


def test_no_role_gives_anything_by_wildcard(chart):
    for role in chart.of("Role", "ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"], rule
