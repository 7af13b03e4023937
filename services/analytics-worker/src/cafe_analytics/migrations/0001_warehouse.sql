-- The warehouse. Amazon Redshift and PostgreSQL 15 both run this file: what only one of them knows
-- stands in /*redshift … */ or /*postgresql … */, and `dialect.py` opens the one that fits.
--
-- No table has a primary key or a unique constraint. Redshift would take them for a hint and check
-- nothing; PostgreSQL would check, and the tests would then prove a promise that production does
-- not have. One row an order is the loader's work (`loading.py`), and GET /ledger counts.
--
-- varchar(n) counts characters in PostgreSQL and bytes in Redshift; the loader clips by bytes.

CREATE TABLE orders (
    order_id     varchar(64)  NOT NULL,
    store_id     varchar(128) NOT NULL,
    customer_id  varchar(800),
    currency     varchar(3)   NOT NULL,
    total_minor  bigint       NOT NULL,
    status       varchar(16)  NOT NULL,
    status_rank  smallint     NOT NULL,
    reason       varchar(500),
    placed_at    timestamptz  NOT NULL,
    confirmed_at timestamptz,
    paid_at      timestamptz,
    completed_at timestamptz,
    rejected_at  timestamptz,
    cancelled_at timestamptz
) /*redshift DISTKEY (order_id) COMPOUND SORTKEY (placed_at) */;

CREATE TABLE order_lines (
    order_id         varchar(64)  NOT NULL,
    line             smallint     NOT NULL,
    sku              varchar(64)  NOT NULL,
    name             varchar(800) NOT NULL,
    quantity         integer      NOT NULL,
    unit_price_minor bigint       NOT NULL
) /*redshift DISTKEY (order_id) COMPOUND SORTKEY (order_id, line) */;

-- How far each shard has been absorbed: a sequence number, or SHARD_END.
CREATE TABLE stream_positions (
    stream     varchar(128) NOT NULL,
    shard      varchar(128) NOT NULL,
    reached    varchar(128) NOT NULL,
    moved_at   timestamptz  NOT NULL
) /*redshift DISTSTYLE ALL */;

/*postgresql
CREATE INDEX orders_by_id ON orders (order_id);
CREATE INDEX orders_by_time ON orders (placed_at, order_id);
CREATE INDEX order_lines_by_order ON order_lines (order_id);
*/

-- Revenue is what completed orders brought, and nothing else; every report stands on these two.
CREATE VIEW sales AS
SELECT order_id, store_id, currency, total_minor, placed_at
FROM orders
WHERE status = 'completed';

CREATE VIEW sold_lines AS
SELECT sales.order_id, sales.store_id, sales.currency, sales.placed_at,
       order_lines.sku, order_lines.name, order_lines.quantity,
       order_lines.quantity * order_lines.unit_price_minor AS revenue_minor
FROM sales
JOIN order_lines ON order_lines.order_id = sales.order_id;

CREATE VIEW sales_by_store AS
SELECT store_id, currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM sales
GROUP BY store_id, currency;

-- The hour of placing, in UTC: an event does not say its store's time zone.
CREATE VIEW sales_by_hour AS
SELECT DATE_TRUNC('hour', placed_at AT TIME ZONE 'UTC') AS hour_utc, store_id, currency,
       COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM sales
GROUP BY DATE_TRUNC('hour', placed_at AT TIME ZONE 'UTC'), store_id, currency;

CREATE VIEW sales_by_product AS
SELECT sku, currency, MAX(name) AS name, SUM(quantity) AS quantity,
       SUM(revenue_minor) AS revenue_minor
FROM sold_lines
GROUP BY sku, currency;
