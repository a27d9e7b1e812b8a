-- The facility ledger: what is known of each facility, the codes it had before, which terminals stand in it and who said
-- so, and the imports that can be taken back. The PostgreSQL file of the same name holds the same schema.

CREATE TABLE facility (
    code           TEXT NOT NULL PRIMARY KEY,
    name           TEXT NOT NULL,
    kana           TEXT,
    kind           TEXT,
    prefecture     BIGINT,
    address        TEXT,
    phones         TEXT,
    contact        TEXT,
    hours          TEXT,
    carrier        TEXT,
    line           TEXT,
    provider       TEXT,
    topology       TEXT,
    reader         TEXT,
    update_choice  TEXT,
    shared_receipt BOOLEAN,
    notes          TEXT,
    revision       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- A code that a facility had before still leads to it.
CREATE TABLE facility_code (
    code       TEXT NOT NULL PRIMARY KEY,
    facility   TEXT NOT NULL,
    used_from  BIGINT,
    used_until BIGINT,
    reason     TEXT NOT NULL
);
CREATE INDEX facility_code_by_facility ON facility_code (facility);

-- Who said in which facility a terminal stands. The code in force stands in terminal.institution_code too.
CREATE TABLE terminal_facility (
    terminal_id TEXT NOT NULL PRIMARY KEY,
    by_token    TEXT,
    reported    TEXT,
    hand_code   TEXT,
    hand_at     BIGINT,
    hand_by     TEXT,
    hand_reason TEXT
);

INSERT INTO terminal_facility (terminal_id, by_token, reported)
SELECT terminal.id, enrolment_token.institution_code, terminal.institution_code
FROM terminal LEFT JOIN enrolment_token ON enrolment_token.id = terminal.enrolled_with
WHERE terminal.institution_code IS NOT NULL;

CREATE TABLE facility_import (
    id          TEXT NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    file_hash   TEXT NOT NULL,
    encoding    TEXT NOT NULL,
    rows        BIGINT NOT NULL,
    added       BIGINT NOT NULL,
    changed     BIGINT NOT NULL,
    same        BIGINT NOT NULL,
    refused     BIGINT NOT NULL,
    warned      BIGINT NOT NULL,
    undone_at   BIGINT,
    undone_by   TEXT,
    undone_rows BIGINT,
    kept_rows   BIGINT
);

-- How each written row was before, and the revision that the import made: what was changed since is not taken back.
CREATE TABLE facility_import_row (
    import_id TEXT NOT NULL,
    code      TEXT NOT NULL,
    line      BIGINT NOT NULL,
    revision  BIGINT NOT NULL,
    before    TEXT,
    PRIMARY KEY (import_id, code)
);

-- What was said of rows that were refused or warned of.
CREATE TABLE facility_import_remark (
    import_id TEXT NOT NULL,
    number    BIGINT NOT NULL,
    line      BIGINT NOT NULL,
    remark    TEXT NOT NULL,
    PRIMARY KEY (import_id, number)
);
