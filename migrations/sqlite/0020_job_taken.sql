-- Which of its offers a terminal took: what it tells of that one counts until it takes a later one.
-- The PostgreSQL file of the same name holds the same schema.

ALTER TABLE job ADD COLUMN taken BIGINT NOT NULL DEFAULT 0;
UPDATE job SET taken = attempt WHERE state IN ('accepted', 'running');
