-- How many orders of a store may be under way before new ones are refused; none where it is not set.
-- Nothing is indexed for it: an index on the status would take every change of status off its page.

ALTER TABLE stores ADD COLUMN queue_limit integer CHECK (queue_limit > 0);
