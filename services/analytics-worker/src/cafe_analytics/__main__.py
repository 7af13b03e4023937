"""`python -m cafe_analytics`: the analytics worker."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_analytics.app import build
from cafe_analytics.settings import AnalyticsSettings

if __name__ == "__main__":
    run(build(load(AnalyticsSettings)))
