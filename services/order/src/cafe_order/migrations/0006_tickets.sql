-- A store's own queue for what its baristas have to make, and messages that wait for their queue.

ALTER TABLE stores ADD COLUMN tickets_queue text;

-- What is parked because its queue is missing or closed to us names it: it is sent when that passes.
ALTER TABLE outbox ADD COLUMN parked_for text;
CREATE INDEX outbox_parked_for ON outbox (parked_for, id) WHERE parked_for IS NOT NULL;
