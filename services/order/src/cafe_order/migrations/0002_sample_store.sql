-- Sample data: one open store to look at. It has no till key, so only the platform orders there.

INSERT INTO stores (id, name, city, timezone, currency, tier, accepting_orders)
VALUES ('sample', 'Sample Cafe', 'Lisbon', 'Europe/Lisbon', 'EUR', 'standard', true)
ON CONFLICT (id) DO NOTHING;
