-- What the operator asks for each store: to be measured by itself, and a list of its own orders.

ALTER TABLE stores
    ADD COLUMN measured boolean NOT NULL DEFAULT false,
    ADD COLUMN orders_table text;
