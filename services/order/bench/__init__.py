"""How many orders a second the order service accepts, against what PostgreSQL itself can do.

`python -m services.order.bench` (or `make bench-orders`); docs/performance.md tells what was found.
"""
