-- Terminals, what is known of them, their work, the people who look after them, and the log of it all.
-- The PostgreSQL file of the same name holds the same schema.

CREATE TABLE operator (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    language      TEXT NOT NULL,
    disabled      BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE sign_in (
    hash        BLOB NOT NULL PRIMARY KEY,
    operator_id TEXT NOT NULL REFERENCES operator (id),
    created_at  BIGINT NOT NULL,
    last_used   BIGINT NOT NULL
);
CREATE INDEX sign_in_by_operator ON sign_in (operator_id);

CREATE TABLE api_token (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE enrolment_token (
    id               TEXT NOT NULL PRIMARY KEY,
    hash             BLOB NOT NULL UNIQUE,
    label            TEXT NOT NULL,
    most_uses        BIGINT NOT NULL,
    used             BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    carrier          TEXT,
    prefecture       TEXT,
    institution_code TEXT,
    created_at       BIGINT NOT NULL,
    created_by       TEXT NOT NULL,
    revoked_at       BIGINT
);

CREATE TABLE terminal (
    id                TEXT NOT NULL PRIMARY KEY,
    key_hash          BLOB NOT NULL UNIQUE,
    generation        BIGINT NOT NULL,
    hostname          TEXT NOT NULL,
    manufacturer      TEXT NOT NULL,
    model             TEXT NOT NULL,
    serial            TEXT NOT NULL,
    smbios_uuid       TEXT NOT NULL,
    os_version        TEXT NOT NULL,
    institution_code  TEXT,
    agent_version     TEXT NOT NULL,
    minor             BIGINT NOT NULL,
    enrolled_at       BIGINT NOT NULL,
    enrolled_with     TEXT,
    last_seen         BIGINT,
    certificate_until BIGINT NOT NULL,
    revoked_at        BIGINT,
    revoke_reason     TEXT,
    hold              TEXT,
    hold_since        BIGINT,
    hold_detail       TEXT
);
CREATE INDEX terminal_by_machine ON terminal (smbios_uuid);
CREATE INDEX terminal_revoked ON terminal (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE enrolment_request (
    id               TEXT NOT NULL PRIMARY KEY,
    key_hash         BLOB NOT NULL UNIQUE,
    hostname         TEXT NOT NULL,
    manufacturer     TEXT NOT NULL,
    model            TEXT NOT NULL,
    serial           TEXT NOT NULL,
    smbios_uuid      TEXT NOT NULL,
    os_version       TEXT NOT NULL,
    institution_code TEXT,
    agent_version    TEXT NOT NULL,
    peer             TEXT NOT NULL,
    cause            TEXT NOT NULL,
    clashes_with     TEXT,
    asked_at         BIGINT NOT NULL,
    state            TEXT NOT NULL,
    decided_at       BIGINT,
    decided_by       TEXT,
    decision_reason  TEXT,
    terminal_id      TEXT
);
CREATE INDEX enrolment_request_by_state ON enrolment_request (state, id);

CREATE TABLE fact_section (
    terminal_id TEXT NOT NULL,
    name        TEXT NOT NULL,
    digest      BLOB NOT NULL,
    observed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    facts       TEXT NOT NULL,
    PRIMARY KEY (terminal_id, name)
);

CREATE TABLE fault (
    terminal_id TEXT NOT NULL,
    rule        TEXT NOT NULL,
    opened_at   BIGINT NOT NULL,
    closed_at   BIGINT,
    expected    TEXT NOT NULL,
    found       TEXT NOT NULL,
    PRIMARY KEY (terminal_id, rule, opened_at)
);
CREATE INDEX fault_open ON fault (terminal_id) WHERE closed_at IS NULL;

CREATE TABLE job (
    id           TEXT NOT NULL PRIMARY KEY,
    terminal_id  TEXT NOT NULL,
    remedy       TEXT NOT NULL,
    state        TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    lease_until  BIGINT,
    step         BIGINT,
    deadline     BIGINT NOT NULL,
    cancel_asked BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    reason       TEXT NOT NULL
);
CREATE INDEX job_by_terminal ON job (terminal_id, id);
CREATE INDEX job_ready ON job (terminal_id) WHERE state = 'ready';
CREATE INDEX job_ready_deadline ON job (deadline) WHERE state = 'ready';
CREATE INDEX job_offered ON job (lease_until) WHERE state = 'offered';
CREATE INDEX job_taken ON job (deadline) WHERE state IN ('accepted', 'running');

CREATE TABLE job_step (
    job_id   TEXT NOT NULL,
    attempt  BIGINT NOT NULL,
    number   BIGINT NOT NULL,
    phase    TEXT NOT NULL,
    name     TEXT NOT NULL,
    evidence TEXT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (job_id, attempt, number, phase)
);

CREATE TABLE job_result (
    job_id  TEXT NOT NULL PRIMARY KEY,
    outcome TEXT NOT NULL,
    at      BIGINT NOT NULL,
    code    TEXT NOT NULL,
    detail  TEXT NOT NULL,
    undo    TEXT
);

CREATE TABLE audit (
    number   BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    target   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    before   TEXT NOT NULL,
    after    TEXT NOT NULL,
    previous BLOB NOT NULL,
    seal     BLOB NOT NULL
);
CREATE INDEX audit_by_target ON audit (target, number);
CREATE INDEX audit_by_actor ON audit (actor, number);

CREATE TABLE audit_head (
    one    BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL,
    seal   BLOB NOT NULL
);
