-- Telephone calls of clinics, as they stand and as they went.
-- The PostgreSQL file of the same name holds the same schema.

-- What lists and reconcilers ask for stands in columns of its own; the whole call is the body.
CREATE TABLE call (
    id            TEXT NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL,
    state         TEXT NOT NULL,
    outcome       TEXT,
    owner         TEXT NOT NULL,
    opened_at     BIGINT NOT NULL,
    terminal_id   TEXT,
    facility_code TEXT,
    -- Who called and about what, folded.
    words         TEXT NOT NULL,
    body          TEXT NOT NULL
);

CREATE INDEX call_unfinished ON call (owner) WHERE state <> 'closed';
CREATE INDEX call_waiting ON call (id) WHERE state = 'waiting';
CREATE INDEX call_by_terminal ON call (terminal_id, id);
CREATE INDEX call_by_facility ON call (facility_code, id);

-- What happened in it, in order; the number is the version that it led to.
CREATE TABLE call_event (
    call_id TEXT NOT NULL,
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    by      TEXT NOT NULL,
    event   TEXT NOT NULL,
    PRIMARY KEY (call_id, number)
);
