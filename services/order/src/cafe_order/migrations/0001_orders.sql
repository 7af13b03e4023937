-- Stores, orders with their price snapshot, idempotency keys and the outbox.

CREATE TABLE stores (
    id               text PRIMARY KEY,
    name             text NOT NULL,
    city             text NOT NULL,
    timezone         text NOT NULL,
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tier             text NOT NULL CHECK (tier IN ('kiosk', 'standard', 'flagship')),
    accepting_orders boolean NOT NULL,
    till_key_sha256  text CHECK (till_key_sha256 ~ '^[0-9a-f]{64}$'),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- No foreign key to stores: orders outlive their store. None between lines and orders either: they
-- are only ever written together, by one statement.
CREATE TABLE orders (
    id          uuid PRIMARY KEY,
    store_id    text NOT NULL,
    customer_id text,
    status      text NOT NULL DEFAULT 'placed'
                CHECK (status IN ('placed', 'confirmed', 'rejected', 'cancelled')),
    currency    text NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor > 0),
    synthetic   boolean NOT NULL DEFAULT false,
    trace_id    text NOT NULL,
    placed_at   timestamptz NOT NULL
);
CREATE INDEX orders_by_store ON orders (store_id, placed_at);

CREATE TABLE order_lines (
    order_id         uuid NOT NULL,
    line             smallint NOT NULL,
    sku              text NOT NULL,
    name             text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor > 0),
    PRIMARY KEY (order_id, line)
);

-- What happened after `placed`, which is in orders itself.
CREATE TABLE order_history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL,
    status   text NOT NULL,
    reason   text,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_history_by_order ON order_history (order_id, id);

CREATE TABLE idempotency_keys (
    key          text PRIMARY KEY,
    request_hash bytea NOT NULL,
    status       smallint NOT NULL,
    response     bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- A delivered row is deleted; a row that can never be delivered is parked with its reason.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      uuid NOT NULL,
    destination   text NOT NULL,
    kind          text NOT NULL,
    payload       text NOT NULL,
    trace_id      text NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT now(),
    last_error    text,
    parked_at     timestamptz,
    parked_reason text,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_waiting ON outbox (destination, id) WHERE parked_at IS NULL;
CREATE INDEX outbox_per_order ON outbox (destination, order_id, id);
