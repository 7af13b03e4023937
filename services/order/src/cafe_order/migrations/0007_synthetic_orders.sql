-- concurrently: orders are placed while it runs, each statement by itself
-- Synthetic orders end some days later; the housekeeping finds them by this. A build that was cut off
-- leaves an index that nothing uses, in the way of the next one.

DROP INDEX CONCURRENTLY IF EXISTS orders_synthetic;
CREATE INDEX CONCURRENTLY orders_synthetic ON orders (placed_at) WHERE synthetic;
