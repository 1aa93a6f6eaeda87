-- `number` stands for an execution in every other table: rows stay small, and as it is never used
-- twice, nothing that a deletion left behind can be taken for part of a newer execution.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE executions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    seq INTEGER NOT NULL,
    created TEXT NOT NULL,
    ended TEXT,
    counts BLOB NOT NULL,
    size INTEGER NOT NULL,
    builds_on TEXT,
    asked_by TEXT NOT NULL,
    owned_by TEXT NOT NULL
);
CREATE INDEX executions_by_status ON executions (status, id);
CREATE INDEX executions_by_workflow ON executions (workflow, id);

CREATE TABLE events (
    execution INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, seq)
) WITHOUT ROWID;

CREATE TABLE submissions (
    execution INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE expansions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    execution INTEGER NOT NULL,
    task TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX expansions_of ON expansions (execution, position);

CREATE TABLE blobs (
    digest TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL
);

CREATE TABLE blob_uses (
    execution INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (execution, digest)
) WITHOUT ROWID;
CREATE INDEX blob_uses_by_digest ON blob_uses (digest);

CREATE TABLE task_values (
    execution INTEGER NOT NULL,
    task TEXT NOT NULL,
    part TEXT NOT NULL,
    data BLOB,
    path TEXT,
    size INTEGER NOT NULL,
    UNIQUE (execution, task, part)
);

CREATE TABLE cache (
    key TEXT NOT NULL,
    created TEXT NOT NULL,
    execution INTEGER NOT NULL,
    task TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (key, created, execution, task)
) WITHOUT ROWID;
CREATE INDEX cache_of ON cache (execution);

CREATE TABLE workflows (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (name, version)
);

-- Executions whose events, values and files are still being removed; finished on the next opening.
CREATE TABLE removals (
    execution INTEGER PRIMARY KEY,
    id TEXT NOT NULL
);
