-- An order's way to its end: paid and completed, why a store is closed, and what reads the books.

ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ADD CONSTRAINT orders_status_check CHECK (
    status IN ('placed', 'confirmed', 'paid', 'completed', 'rejected', 'cancelled')
) NOT VALID;

-- Every order changes its status three times: room on its page keeps those updates off the indexes.
ALTER TABLE orders SET (fillfactor = 80);

-- The ledger pages through all stores' orders in the order of their placing.
CREATE INDEX orders_by_placed_at ON orders (placed_at, id) WHERE NOT synthetic;

ALTER TABLE stores ADD COLUMN closed_reason text;

-- Rows come and go: what the relay has deleted must not lie long before what it looks for.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX outbox_parked ON outbox (id) WHERE parked_at IS NOT NULL;
