"""The chart rendered both ways, once."""

import pytest

from tests.charts.rendered import AWS, render


@pytest.fixture(scope="session")
def embedded():
    """The default: everything in the cluster."""
    return render()


@pytest.fixture(scope="session")
def on_aws():
    """With values-aws.yaml."""
    return render("-f", AWS)


@pytest.fixture(scope="session", params=["embedded", "on_aws"])
def chart(request):
    """Both ways, for what must hold in each."""
    return request.getfixturevalue(request.param)
