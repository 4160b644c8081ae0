-- What requests add to the counts of quotas, and give back when they are over: a projection of the member `quota` of the
-- records, in the order in which it is summed up at a start. `at_s` (seconds since 1970) decides in which window it counts,
-- and is the same for both ends of a request.
CREATE TABLE quota_use (
    at_s    INTEGER NOT NULL,
    seq     INTEGER NOT NULL REFERENCES record (seq),
    ord     INTEGER NOT NULL,
    rule    TEXT    NOT NULL,
    measure TEXT    NOT NULL,
    window  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (at_s, seq, ord)
) STRICT, WITHOUT ROWID;
