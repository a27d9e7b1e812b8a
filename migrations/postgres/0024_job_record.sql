-- Records that were fetched from terminals, one for a job; forgotten after a while.
-- The SQLite file of the same name holds the same schema.

CREATE TABLE job_record (
    job_id TEXT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    text   TEXT NOT NULL,
    cut    BOOLEAN NOT NULL
);

CREATE INDEX job_record_by_age ON job_record (at);
