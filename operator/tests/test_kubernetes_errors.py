"""What the API server's refusals mean."""

import pytest
from cloudcafe_operator.effects.kubernetes_errors import Answer, Intent, raise_for
from cloudcafe_operator.errors import (
    AccessDenied,
    AlreadyExists,
    Bug,
    Conflict,
    NotFound,
    Throttled,
    Unavailable,
    UserError,
)
from cloudcafe_operator.kinds import CAFE_STORES, NAMESPACES, SECRETS

INTENT = Intent("patch", "PATCH", CAFE_STORES, "lisbon", "corner", "status")
GOING = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {}, AccessDenied),
        (403, {}, AccessDenied),
        (403, GOING, NotFound),
        (404, {}, NotFound),
        (409, {"reason": "AlreadyExists"}, AlreadyExists),
        (409, {"reason": "Conflict"}, Conflict),
        (400, {}, Bug),
        (422, {}, Bug),
        (500, {}, Unavailable),
        (502, {"message": "<html>"}, Unavailable),
    ],
)
def test_a_status_means_one_error(status, body, kind):
    with pytest.raises(kind) as raised:
        raise_for(Answer(status, body), INTENT)
    assert type(raised.value) is kind


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_a_person_asked_for_may_be_wrong_but_not_what_we_say_of_it(status):
    with pytest.raises(UserError):
        raise_for(Answer(status, {}), Intent("patch", "PATCH", SECRETS, "lisbon", "corner-till"))
    with pytest.raises(Bug, match="must fit the definition that is served"):
        raise_for(Answer(status, {}), INTENT)


def test_a_missing_permission_names_verb_and_resource():
    with pytest.raises(AccessDenied, match=r"the verb patch on it of API group cloudcafe\.dev"):
        raise_for(Answer(403, {"message": "forbidden"}), INTENT)


def test_the_api_server_says_how_long_to_wait():
    with pytest.raises(Throttled) as raised:
        raise_for(Answer(429, {}, {"Retry-After": "7"}), INTENT)
    assert raised.value.after == 7


@pytest.mark.parametrize(
    ("intent", "path"),
    [
        (INTENT, f"/apis/{CAFE_STORES.api_version}/namespaces/lisbon/cafestores/corner/status"),
        (Intent("list", "GET", SECRETS), "/api/v1/secrets"),
        (Intent("get", "GET", NAMESPACES, "x", "lisbon"), "/api/v1/namespaces/lisbon"),
    ],
)
def test_paths_are_the_api_servers(intent, path):
    assert intent.path == path


def test_success_is_no_error():
    raise_for(Answer(201, {}), INTENT)
