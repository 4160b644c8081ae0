-- The journal. `record.record` is the evidence: canonical JSON, written once. Every other column, and every row of
-- `rule_hit` and `finding`, is a projection of it, kept so that questions are answered without reading all evidence.

-- Which log a record belongs to: from `first_seq` on, until the next chain begins.
CREATE TABLE chain (
    chain_id  TEXT    NOT NULL PRIMARY KEY,
    first_seq INTEGER NOT NULL UNIQUE,
    opened_us INTEGER NOT NULL
) STRICT;

-- `seq` starts at 0 and has no gaps.
CREATE TABLE record (
    seq        INTEGER NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    ts_us      INTEGER NOT NULL,
    request_id TEXT,
    team       TEXT,
    app        TEXT,
    operation  TEXT,
    model      TEXT,
    decision   TEXT,
    end_state  TEXT,
    record     TEXT    NOT NULL
) STRICT;

CREATE INDEX record_request ON record (request_id, kind) WHERE request_id IS NOT NULL;
CREATE INDEX record_arrival ON record (ts_us) WHERE kind IN ('request.intent', 'request.denied');
CREATE INDEX record_refused ON record (decision, ts_us) WHERE decision IN ('deny', 'error');
CREATE INDEX record_system ON record (kind) WHERE request_id IS NULL;

-- `role`: violated, shadow, granted or edit.
CREATE TABLE rule_hit (
    seq  INTEGER NOT NULL REFERENCES record (seq),
    ord  INTEGER NOT NULL,
    rule TEXT    NOT NULL,
    at   TEXT,
    role TEXT    NOT NULL,
    PRIMARY KEY (seq, ord)
) STRICT, WITHOUT ROWID;

CREATE INDEX rule_hit_rule ON rule_hit (rule, seq);

-- What was found, never its value.
CREATE TABLE finding (
    seq       INTEGER NOT NULL REFERENCES record (seq),
    ord       INTEGER NOT NULL,
    direction TEXT    NOT NULL,
    type      TEXT    NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (seq, ord)
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_type ON finding (type, seq);

CREATE TRIGGER record_is_never_updated BEFORE UPDATE ON record
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER record_is_never_deleted BEFORE DELETE ON record
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
