-- Limits that many wardens share. `warden_quota_window` says how much of a limit is leased in one window, all wardens
-- together; `warden_quota_lease` says to whom. INVARIANT: `taken` is the sum of `granted` of its window, and is raised up to
-- the limit at most, under the lock of its row. `starts` is the window's first second since 1970.
CREATE TABLE warden_quota_window (
    environment text   NOT NULL,
    rule        text   NOT NULL,
    measure     text   NOT NULL,
    span        text   NOT NULL,
    subject     text   NOT NULL,
    starts      bigint NOT NULL,
    taken       bigint NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (environment, rule, measure, span, subject, starts)
);

CREATE TABLE warden_quota_lease (
    holder      text   NOT NULL,
    environment text   NOT NULL,
    rule        text   NOT NULL,
    measure     text   NOT NULL,
    span        text   NOT NULL,
    subject     text   NOT NULL,
    starts      bigint NOT NULL,
    granted     bigint NOT NULL CHECK (granted >= 0),
    PRIMARY KEY (holder, environment, rule, measure, span, subject, starts)
);

-- What is over is deleted by its age.
CREATE INDEX warden_quota_window_age ON warden_quota_window (span, starts);
CREATE INDEX warden_quota_lease_age ON warden_quota_lease (span, starts);
