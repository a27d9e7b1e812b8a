-- What people say of a terminal's set-up, and how many terminals were online when.
-- The PostgreSQL file of the same name holds the same schema.

-- One item of the set-up checklist, or one question about the terminal, as it stands. A withdrawn word has no value;
-- its row stays, so that who comes later sees that somebody was there before.
CREATE TABLE checklist_mark (
    terminal_id TEXT NOT NULL,
    item        TEXT NOT NULL,
    value       BOOLEAN,
    version     BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    by          TEXT NOT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (terminal_id, item)
);

CREATE TABLE presence_sample (
    at        BIGINT NOT NULL PRIMARY KEY,
    terminals BIGINT NOT NULL,
    online    BIGINT NOT NULL,
    faulty    BIGINT NOT NULL
);

-- What changed today, and what was wrong before.
CREATE INDEX fault_by_opened ON fault (opened_at);
CREATE INDEX fault_by_closed ON fault (closed_at) WHERE closed_at IS NOT NULL;
