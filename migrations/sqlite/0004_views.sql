-- Filters that people keep, and the terminals that matched one at one moment: what work on all of them is done by.
-- The PostgreSQL file of the same name holds the same schema.

CREATE TABLE saved_view (
    id         TEXT NOT NULL PRIMARY KEY,
    owner      TEXT NOT NULL,
    team       BOOLEAN NOT NULL,
    name       TEXT NOT NULL,
    expr       TEXT NOT NULL,
    columns    TEXT NOT NULL,
    sort       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_view_by_name ON saved_view (owner, name);
CREATE INDEX saved_view_of_team ON saved_view (name) WHERE team;

-- The ids stand end to end, sixteen bytes each, in order; the hash is of these bytes.
CREATE TABLE selection (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL,
    expr       TEXT NOT NULL,
    terminals  BIGINT NOT NULL,
    ids        BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX selection_expires ON selection (expires_at);
