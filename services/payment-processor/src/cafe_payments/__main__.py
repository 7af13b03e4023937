"""`python -m cafe_payments`: the payment processor as a container."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_payments.app import build
from cafe_payments.settings import PaymentSettings

if __name__ == "__main__":
    run(build(load(PaymentSettings)))
