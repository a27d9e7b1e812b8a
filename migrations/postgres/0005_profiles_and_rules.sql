-- The terminal profile with its history, how far the verdicts of a changed rule pack have come, and by what a fault was seen.
-- The SQLite file of the same name holds the same schema.

-- The highest version is the one in force; none is ever changed.
CREATE TABLE profile (
    version      BIGINT NOT NULL PRIMARY KEY,
    body         TEXT NOT NULL,
    written_by   TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    reason       TEXT NOT NULL
);

-- What is to become the next version; one at a time. The digest names exactly what somebody looked at.
CREATE TABLE profile_draft (
    one      BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    digest   TEXT NOT NULL,
    base     BIGINT NOT NULL,
    body     TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    saved_by TEXT NOT NULL,
    reason   TEXT NOT NULL
);

-- Which rules all open faults were last held against, which they are being held against, and up to which terminal.
CREATE TABLE verdict_progress (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    settled TEXT NOT NULL,
    towards TEXT NOT NULL,
    after   TEXT NOT NULL
);

ALTER TABLE fault ADD COLUMN evidence TEXT;
ALTER TABLE fault ADD COLUMN before TEXT;
