"""Traffic through the edge, and what changes of load balancers do to it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading

import boto3
import httpx
import pytest
from localaws.testing import LocalAws

from localaws.tests.traffic import until

REFUSAL = {"StatusCode": "503", "ContentType": "application/json", "MessageBody": "{}"}
CLOSED = {"Type": "fixed-response", "FixedResponseConfig": REFUSAL}


class Service(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked, as its Kubernetes Service would be."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        body = json.dumps({"method": self.command, "path": self.path, "body": asked}).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-service", self.server.name)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        """Be quiet."""


@pytest.fixture(scope="module")
def services():
    """Two services; their names and addresses."""
    with contextlib.ExitStack() as running:
        addresses = {}
        for name in ("order", "menu", "payment-processor"):
            server = running.enter_context(
                http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
            )
            server.name, server.daemon_threads = name, True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            running.callback(server.shutdown)
            addresses[name] = f"127.0.0.1:{server.server_address[1]}"
        yield addresses


@pytest.fixture(scope="module")
def process(services):
    environment = {
        "LOCALAWS_EDGE_PORTS": "customers=0,tills=0,api=0",
        "LOCALAWS_EDGE_SERVICES": ",".join(f"{k}={v}" for k, v in services.items()),
    }
    with LocalAws.start(environment) as aws:
        yield aws


@pytest.fixture
def aws(process):
    process.reset()
    return process


@pytest.fixture
def elb(aws):
    with contextlib.closing(boto3.client("elbv2", **aws.client_arguments)) as client:
        yield client


@pytest.fixture
def ec2(aws):
    with contextlib.closing(boto3.client("ec2", **aws.client_arguments)) as client:
        yield client


@pytest.fixture
def guest(aws):
    url = f"http://127.0.0.1:{aws.edge['customers']}"
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def rule_of(elb, service):
    (balancer,) = elb.describe_load_balancers(Names=["cloudcafe-alb"])["LoadBalancers"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    (group,) = elb.describe_target_groups(Names=[f"cloudcafe-{service}"])["TargetGroups"]
    arn = group["TargetGroupArn"]
    return next(r for r in rules if r["Actions"][0].get("TargetGroupArn") == arn)


def targets_of(elb, name):
    (group,) = elb.describe_target_groups(Names=[f"cloudcafe-{name}"])["TargetGroups"]
    arn = group["TargetGroupArn"]
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return arn, [each["Target"] for each in health]


def test_a_guest_reaches_the_service_of_the_path_with_all_that_was_sent(guest):
    answer = guest.post("/orders?dry=1", content="{}", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.headers["x-service"]) == (201, "order")
    assert answer.json() == {"method": "POST", "path": "/orders?dry=1", "body": "{}"}
    assert guest.get("/stores/soho/menu").headers["x-service"] == "menu"


def test_what_is_no_guests_business_is_not_found(guest):
    answer = guest.get("/ledger")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


def test_a_rule_that_answers_by_itself_stops_orders_at_once_and_menus_go_on(guest, elb):
    rule = rule_of(elb, "order")
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[CLOSED])
    assert guest.get("/orders/1").status_code == 503
    assert guest.get("/stores/soho/menu").status_code == 200
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=rule["Actions"])
    assert guest.get("/orders/1").status_code == 200


def test_without_targets_guests_get_503_and_a_single_one_serves_them(guest, elb):
    arn, targets = targets_of(elb, "order")
    elb.deregister_targets(TargetGroupArn=arn, Targets=targets)
    assert guest.get("/orders/1").status_code == 503
    elb.register_targets(TargetGroupArn=arn, Targets=targets[:1])
    until(lambda: guest.get("/orders/1").status_code == 200)


def test_a_service_locked_down_times_out_at_the_door(guest, ec2):
    named = [{"Name": "group-name", "Values": ["cloudcafe-order"]}]
    (group,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    ec2.revoke_security_group_ingress(
        GroupId=group["GroupId"], IpPermissions=group["IpPermissions"]
    )
    assert guest.get("/orders/1").status_code == 504
    assert guest.get("/stores/soho/menu").status_code == 200


def test_a_service_that_does_not_answer_is_a_bad_gateway(guest):
    assert guest.get("/promotions").status_code == 502  # loyalty does not run here


def test_a_body_that_is_too_long_is_refused(guest):
    assert guest.post("/orders", content=b"x" * (1024 * 1024 + 1)).status_code == 413


@pytest.fixture
def till(aws):
    """`till()` opens a connection through the NLB and gives a function that orders over it."""
    with contextlib.ExitStack() as opened:

        def connect():
            connection = http.client.HTTPConnection("127.0.0.1", aws.edge["tills"], timeout=5)
            connection.connect()
            connection.auto_open = 0  # this very connection, and no other
            opened.callback(connection.close)

            def order():
                """Whether an order over it was answered."""
                try:
                    connection.request("GET", "/orders/1")
                    with connection.getresponse() as answer:
                        return answer.read() != b"" and answer.status == 200
                except (OSError, http.client.HTTPException):
                    return False

            return order

        yield connect


def test_a_till_keeps_its_connection_until_its_target_goes_and_then_connects_anew(elb, till):
    arn, targets = targets_of(elb, "order-tills")
    orders = [till() for _ in targets]
    assert [order() for order in orders] == [True] * 3
    elb.deregister_targets(TargetGroupArn=arn, Targets=targets[:1])
    assert [order() for order in orders] == [True] * 3, "it drains"
    until(lambda: sorted(order() for order in orders) == [False, True, True])
    assert till()()


def test_without_targets_tills_are_turned_away_until_one_comes_back(elb, till):
    arn, targets = targets_of(elb, "order-tills")
    elb.deregister_targets(TargetGroupArn=arn, Targets=targets)
    assert not till()()
    elb.register_targets(TargetGroupArn=arn, Targets=targets)
    until(lambda: till()())  # noqa: PLW0108 - each time over a connection of its own


@pytest.fixture
def provider(aws):
    url = f"http://127.0.0.1:{aws.edge['api']}"
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_the_card_provider_calls_back_by_the_api_and_gets_429_while_it_is_throttled(aws, provider):
    def limit(rate, burst):
        settings = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
        gateway.update_stage(
            ApiId=api["ApiId"], StageName="$default", DefaultRouteSettings=settings
        )

    with contextlib.closing(boto3.client("apigatewayv2", **aws.client_arguments)) as gateway:
        (api,) = gateway.get_apis()["Items"]
        called = provider.post("/provider/callbacks", content="{}")
        assert (called.status_code, called.headers["x-service"]) == (201, "payment-processor")
        limit(0, 0)
        refused = provider.post("/provider/callbacks", content="{}")
        assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Requests"})
        limit(50, 100)
        until(lambda: provider.post("/provider/callbacks", content="{}").status_code == 201)


def test_the_api_has_no_other_route(provider):
    answer = provider.get("/provider/callbacks")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
