-- What every fact was before it changed, as long as the installation keeps it; and the unfinished work of a terminal in one
-- index that a job enters and leaves once.
-- The PostgreSQL file of the same name holds the same schema.

CREATE TABLE fact_change (
    terminal_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    key         TEXT NOT NULL,
    observed_at BIGINT NOT NULL,
    before      TEXT NOT NULL,
    after       TEXT NOT NULL,
    PRIMARY KEY (terminal_id, received_at, key)
);
CREATE INDEX fact_change_by_age ON fact_change (received_at);

DROP INDEX job_ready;
CREATE INDEX job_open ON job (terminal_id, id) WHERE state IN ('ready', 'offered', 'accepted', 'running');
CREATE INDEX job_to_cancel ON job (terminal_id) WHERE cancel_asked AND state IN ('offered', 'accepted', 'running');
