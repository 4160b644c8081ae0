-- Where the counts of quotas stand: a projection of the member `quota` of the records, summed up as they are written, so that
-- a start reads one row per count however long the journal is. `starts` is the first second (since 1970) of the window that
-- was counted last; a later window begins anew, and what ends in an earlier one changes nothing any more.
CREATE TABLE quota_count (
    rule    TEXT    NOT NULL,
    measure TEXT    NOT NULL,
    window  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    starts  INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (rule, measure, window, subject)
) STRICT, WITHOUT ROWID;
