-- Accounts, format 1. Rows are only ever added: each names the revision that made it, and the
-- triggers at the end refuse anything else. GUIDs are dashed lower-case text, times microseconds
-- since 1970-01-01T00:00:00Z.

CREATE TABLE format (
    version INTEGER NOT NULL PRIMARY KEY
) STRICT;

-- One row for each change, in order.
CREATE TABLE revision (
    number INTEGER NOT NULL PRIMARY KEY,
    at_micros INTEGER NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL
) STRICT;

CREATE TABLE tenant (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL REFERENCES revision (number)
) STRICT;

-- The one row that the first run makes.
CREATE TABLE installation (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    administrator TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revision (number)
) STRICT;

-- A subscription as of each revision that made or changed it; the latest one is in force.
CREATE TABLE subscription (
    id TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revision (number),
    name TEXT NOT NULL,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    offer TEXT NOT NULL,
    currency TEXT NOT NULL,
    locale TEXT NOT NULL,
    region TEXT NOT NULL,
    anchor_day INTEGER NOT NULL,
    PRIMARY KEY (id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_assignment (
    id TEXT NOT NULL PRIMARY KEY,
    made_revision INTEGER NOT NULL REFERENCES revision (number),
    principal TEXT NOT NULL,
    role TEXT NOT NULL,
    scope TEXT NOT NULL
) STRICT;

CREATE INDEX role_assignment_by_principal ON role_assignment (principal);

CREATE TABLE role_assignment_removal (
    assignment TEXT NOT NULL PRIMARY KEY REFERENCES role_assignment (id),
    removed_revision INTEGER NOT NULL REFERENCES revision (number)
) STRICT;

-- Rate cards as imported; the document is last so that listing versions does not read it.
CREATE TABLE rate_card (
    version INTEGER NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL REFERENCES revision (number),
    offer TEXT NOT NULL,
    currency TEXT NOT NULL,
    locale TEXT NOT NULL,
    region TEXT NOT NULL,
    meters INTEGER NOT NULL,
    document_gzip BLOB NOT NULL
) STRICT;

CREATE INDEX rate_card_by_key ON rate_card (offer, currency, region, locale, version);

CREATE TRIGGER format_is_never_changed BEFORE UPDATE ON format
BEGIN SELECT RAISE(ABORT, 'format rows are never changed'); END;

CREATE TRIGGER format_is_never_deleted BEFORE DELETE ON format
BEGIN SELECT RAISE(ABORT, 'format rows are never deleted'); END;

CREATE TRIGGER revision_is_never_changed BEFORE UPDATE ON revision
BEGIN SELECT RAISE(ABORT, 'revision rows are never changed'); END;

CREATE TRIGGER revision_is_never_deleted BEFORE DELETE ON revision
BEGIN SELECT RAISE(ABORT, 'revision rows are never deleted'); END;

CREATE TRIGGER tenant_is_never_changed BEFORE UPDATE ON tenant
BEGIN SELECT RAISE(ABORT, 'tenant rows are never changed'); END;

CREATE TRIGGER tenant_is_never_deleted BEFORE DELETE ON tenant
BEGIN SELECT RAISE(ABORT, 'tenant rows are never deleted'); END;

CREATE TRIGGER installation_is_never_changed BEFORE UPDATE ON installation
BEGIN SELECT RAISE(ABORT, 'installation rows are never changed'); END;

CREATE TRIGGER installation_is_never_deleted BEFORE DELETE ON installation
BEGIN SELECT RAISE(ABORT, 'installation rows are never deleted'); END;

CREATE TRIGGER subscription_is_never_changed BEFORE UPDATE ON subscription
BEGIN SELECT RAISE(ABORT, 'subscription rows are never changed'); END;

CREATE TRIGGER subscription_is_never_deleted BEFORE DELETE ON subscription
BEGIN SELECT RAISE(ABORT, 'subscription rows are never deleted'); END;

CREATE TRIGGER role_assignment_is_never_changed BEFORE UPDATE ON role_assignment
BEGIN SELECT RAISE(ABORT, 'role_assignment rows are never changed'); END;

CREATE TRIGGER role_assignment_is_never_deleted BEFORE DELETE ON role_assignment
BEGIN SELECT RAISE(ABORT, 'role_assignment rows are never deleted'); END;

CREATE TRIGGER role_assignment_removal_is_never_changed BEFORE UPDATE ON role_assignment_removal
BEGIN SELECT RAISE(ABORT, 'role_assignment_removal rows are never changed'); END;

CREATE TRIGGER role_assignment_removal_is_never_deleted BEFORE DELETE ON role_assignment_removal
BEGIN SELECT RAISE(ABORT, 'role_assignment_removal rows are never deleted'); END;

CREATE TRIGGER rate_card_is_never_changed BEFORE UPDATE ON rate_card
BEGIN SELECT RAISE(ABORT, 'rate_card rows are never changed'); END;

CREATE TRIGGER rate_card_is_never_deleted BEFORE DELETE ON rate_card
BEGIN SELECT RAISE(ABORT, 'rate_card rows are never deleted'); END;
