"""A password changes while the process runs: whoever connects next uses the new one."""

import pytest
from botocore.exceptions import ClientError
from cafe_analytics.app import warehouse_password
from cafe_analytics.settings import AnalyticsSettings
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.managed_secret import FRESH_SECONDS, ManagedSecret
from cafe_kit.redis import RedisStore
from cafe_kit.settings import KitSettings
from cafe_order.settings import OrderSettings
from pydantic import SecretStr
from redis.asyncio import Redis

from services.kit.tests.support.mounted import MountedFolder
from services.kit.tests.support.postgres import GUEST

TOKEN = "service-token-for-tests"
ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redshift"


class Settings(KitSettings):
    """Of a service with one store."""

    store_password: SecretStr = SecretStr("first")


@pytest.fixture
def mounted(tmp_path):
    return MountedFolder(tmp_path)


def settings(folder):
    return Settings(service_token=TOKEN, secrets_folder=folder)


def test_a_value_is_what_its_file_says_now(mounted):
    mounted.put({"CAFE_STORE_PASSWORD": "first"})
    current = settings(mounted.path).current("store_password")
    assert current() == "first"
    mounted.put({"CAFE_STORE_PASSWORD": "second"})
    assert current() == "second"


def test_a_file_that_cannot_be_read_leaves_the_value_before(mounted):
    current = settings(mounted.path).current("store_password")
    assert current() == "first", "nothing is mounted: the variable counts"
    mounted.put({"CAFE_STORE_PASSWORD": "second"})
    assert current() == "second"
    (mounted.path / "CAFE_STORE_PASSWORD").unlink()
    assert current() == "second"


def test_without_a_folder_the_variable_counts():
    assert settings(None).current("store_password")() == "first"


@pytest.fixture
async def guest(postgres):
    """A role of PostgreSQL that is let in by its password alone."""
    await postgres.execute(f"CREATE ROLE {GUEST} LOGIN PASSWORD 'first'")
    yield GUEST
    await postgres.execute(f"DROP ROLE {GUEST}")


async def test_the_pool_opens_connections_by_the_rotated_password(postgres, guest, mounted):
    mounted.put({"CAFE_STORE_PASSWORD": "first"})
    database = Database(
        f"postgresql://{guest}:first@127.0.0.1:{postgres.port}/postgres",
        connections=2,
        name="test",
        password=settings(mounted.path).current("store_password"),
    )
    async with database.connection() as open_before:
        await postgres.execute(f"ALTER ROLE {guest} PASSWORD 'second'")
        mounted.put({"CAFE_STORE_PASSWORD": "second"})
        async with database.connection() as opened_after:
            assert await opened_after.fetchval("SELECT 1") == 1
        assert await open_before.fetchval("SELECT 1") == 1, "what was open serves on"
    await database.close()


async def test_redis_is_greeted_by_the_rotated_password(redis_server, redis_url, mounted):
    address = f"127.0.0.1:{redis_server.port}/0"
    async with Redis.from_url(redis_url) as owner:
        await owner.execute_command("ACL", "SETUSER", "guest", "on", ">p@first", "~*", "+@all")
        mounted.put({"CAFE_STORE_PASSWORD": f"redis://guest:p%40first@{address}"})
        url = settings(mounted.path).current("store_password")
        store = RedisStore(url, name="memorydb", connections=1)
        await store.check()
        await owner.execute_command("ACL", "SETUSER", "guest", "<p@first", ">p@second")
        mounted.put({"CAFE_STORE_PASSWORD": f"redis://guest:p%40second@{address}"})
        await store.client.connection_pool.disconnect()
        await store.check()
        await store.close()
        await owner.execute_command("ACL", "DELUSER", "guest")


async def test_a_redis_that_asks_for_no_password_is_given_none(redis_url, mounted):
    mounted.put({"CAFE_STORE_PASSWORD": redis_url})
    store = RedisStore(settings(mounted.path).current("store_password"), name="memorydb")
    await store.check()
    await store.close()


def test_a_url_that_was_set_holds_the_password_itself(mounted):
    mounted.put({"CAFE_DATABASE_PASSWORD": "of the Secret"})
    given = {"service_token": TOKEN, "secrets_folder": mounted.path}
    by_parts, by_url = (
        OrderSettings(**given),
        OrderSettings(**given, database_url="postgresql://x@y/z"),
    )
    assert by_parts.password() == "of the Secret"
    assert by_url.password is None


class Clock:
    """Seconds that tests move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager():
    aws = FakeAws()
    aws.rules["get_secret_value"] = lambda _asked: {"SecretString": '{"password": "second"}'}
    return aws


@pytest.fixture
def managed(manager, clock):
    return ManagedSecret(manager, ARN, "password", first="first", clock=clock)


async def test_secrets_manager_is_asked_once_a_minute(manager, managed, clock):
    assert await managed() == "first", "as fresh as the process"
    clock.now += FRESH_SECONDS
    assert [await managed(), await managed()] == ["second", "second"]
    assert manager.calls == [("get_secret_value", {"SecretId": ARN})]


@pytest.mark.parametrize(
    "failure",
    [
        UnavailableError("Secrets Manager is away."),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
        TimeoutError(),
    ],
)
async def test_no_answer_leaves_the_password_before(manager, managed, clock, failure):
    def fail(_asked):
        raise failure

    manager.rules["get_secret_value"] = fail
    clock.now += FRESH_SECONDS
    assert await managed() == "first"


@pytest.mark.parametrize("text", ['{"password-is": "hush"', '["hush"]', '{"hush": 1}'])
async def test_what_cannot_be_read_leaves_the_password_before_and_no_trace_in_the_log(
    manager, managed, clock, capsys, text
):
    manager.rules["get_secret_value"] = lambda _asked: {"SecretString": text}
    clock.now += FRESH_SECONDS
    assert await managed() == "first"
    said = capsys.readouterr().out
    assert "secret not read" in said
    assert "hush" not in said


def test_the_worker_asks_secrets_manager_only_where_it_was_told_of_a_secret(mounted):
    mounted.put({"CAFE_REDSHIFT_PASSWORD": "of the Secret"})
    given = {"service_token": TOKEN, "secrets_folder": mounted.path}
    by_file = warehouse_password(AnalyticsSettings(**given), FakeAws())
    by_arn = warehouse_password(AnalyticsSettings(**given, redshift_secret=ARN), FakeAws())
    by_url = warehouse_password(
        AnalyticsSettings(**given, redshift_url="postgresql://x"), FakeAws()
    )
    assert by_file() == "of the Secret"
    assert isinstance(by_arn, ManagedSecret)
    assert by_url is None
