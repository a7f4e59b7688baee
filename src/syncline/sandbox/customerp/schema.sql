-- A record is its JSON as it is answered; what is asked for stands beside it.
CREATE TABLE record (
    id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    seq INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX record_by_time ON record (entity, updated_at, id);

-- What a record can be found by, references to other records among it.
CREATE TABLE held (
    entity TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (entity, property, value, record)
) WITHOUT ROWID;

-- The feed. It outlives the records.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    change TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX change_by_entity ON change (entity, seq);

-- Numbers that were ever held, so that a series never gives one again.
CREATE TABLE used (entity TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (entity, number)) WITHOUT ROWID;
CREATE TABLE series (entity TEXT PRIMARY KEY, count INTEGER NOT NULL);

-- Creates that were asked for with a key, and what they were answered.
CREATE TABLE creation (
    entity TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    at TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (entity, key)
) WITHOUT ROWID;

-- The name of this data, by which its cursors are known.
CREATE TABLE identity (name TEXT NOT NULL);
