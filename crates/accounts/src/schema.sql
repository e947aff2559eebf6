-- Accounts, format 4. Rows are only ever added: each names the revision that made it, and triggers
-- refuse anything else, but for what an erasure takes away (at the end). GUIDs are dashed lower-case text, decimals plain text, times microseconds
-- since 1970-01-01T00:00:00Z, days counted from 1970-01-01.
--
-- A new file is made with all of it; a file of an older format is given the parts that it lacks. So
-- a part never changes once released: a new format adds one at the end.

-- From format 1 on.

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

-- A subscription as it was made.
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

-- From format 2 on.

-- What changes of a subscription from a day on; one with the revision that made the subscription is
-- what it was made with. A column without a value leaves what was there; an empty commitment or buyer
-- takes it away.
CREATE TABLE subscription_change (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    subscription TEXT NOT NULL,
    effective_day INTEGER NOT NULL,
    name TEXT,
    offer TEXT,
    anchor_day INTEGER,
    commitment TEXT,
    invoice_download INTEGER,
    buyer TEXT,
    state TEXT
) STRICT;

CREATE INDEX subscription_change_by_subscription ON subscription_change (subscription, revision);

-- Of the scope at most one of tenant and subscription, of the target at most one of category and
-- meter; the price is a markup in percent, or tiers such as '0:0.10 100:0.08' in a currency.
CREATE TABLE price_override (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    tenant TEXT,
    subscription TEXT,
    category TEXT,
    meter TEXT,
    from_micros INTEGER NOT NULL,
    until_micros INTEGER,
    markup TEXT,
    currency TEXT,
    tiers TEXT,
    included TEXT,
    reprice_closed INTEGER NOT NULL
) STRICT;

-- The earliest end counts; in closed periods only of those that came in time or reprice them.
CREATE TABLE price_override_end (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    price_override INTEGER NOT NULL REFERENCES price_override (revision),
    until_micros INTEGER NOT NULL,
    reprice_closed INTEGER NOT NULL
) STRICT;

CREATE INDEX price_override_end_by_override ON price_override_end (price_override, revision);

-- The latest of an old id counts, in closed periods only of those that came in time or reprice them;
-- without a new id it is removed.
CREATE TABLE meter_alias (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    old TEXT NOT NULL,
    new TEXT,
    reprice_closed INTEGER NOT NULL
) STRICT;

CREATE INDEX meter_alias_by_old ON meter_alias (old, revision);

-- All tags of a group from a day on; the group's name is in lower case.
CREATE TABLE resource_group_tags (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    subscription TEXT NOT NULL,
    resource_group TEXT NOT NULL,
    effective_day INTEGER NOT NULL
) STRICT;

CREATE INDEX resource_group_tags_by_subscription ON resource_group_tags (subscription, revision);

CREATE TABLE resource_group_tag (
    revision INTEGER NOT NULL REFERENCES resource_group_tags (revision),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (revision, name)
) STRICT, WITHOUT ROWID;

-- Who declares watermarks of a subscription. They come often and make no revision.
CREATE TABLE watermark_source (
    number INTEGER NOT NULL PRIMARY KEY,
    subscription TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (subscription, source)
) STRICT;

-- Ascending within a source, in both columns, at least a minute apart.
CREATE TABLE watermark (
    source INTEGER NOT NULL REFERENCES watermark_source (number),
    complete_up_to_micros INTEGER NOT NULL,
    at_micros INTEGER NOT NULL,
    PRIMARY KEY (source, complete_up_to_micros)
) STRICT, WITHOUT ROWID;

-- The rate cards whose import changes the prices of closed periods too.
CREATE TABLE rate_card_reprices_closed (
    version INTEGER NOT NULL PRIMARY KEY REFERENCES rate_card (version)
) STRICT;

CREATE TRIGGER subscription_change_is_never_changed BEFORE UPDATE ON subscription_change
BEGIN SELECT RAISE(ABORT, 'subscription_change rows are never changed'); END;

CREATE TRIGGER subscription_change_is_never_deleted BEFORE DELETE ON subscription_change
BEGIN SELECT RAISE(ABORT, 'subscription_change rows are never deleted'); END;

CREATE TRIGGER price_override_is_never_changed BEFORE UPDATE ON price_override
BEGIN SELECT RAISE(ABORT, 'price_override rows are never changed'); END;

CREATE TRIGGER price_override_is_never_deleted BEFORE DELETE ON price_override
BEGIN SELECT RAISE(ABORT, 'price_override rows are never deleted'); END;

CREATE TRIGGER price_override_end_is_never_changed BEFORE UPDATE ON price_override_end
BEGIN SELECT RAISE(ABORT, 'price_override_end rows are never changed'); END;

CREATE TRIGGER price_override_end_is_never_deleted BEFORE DELETE ON price_override_end
BEGIN SELECT RAISE(ABORT, 'price_override_end rows are never deleted'); END;

CREATE TRIGGER meter_alias_is_never_changed BEFORE UPDATE ON meter_alias
BEGIN SELECT RAISE(ABORT, 'meter_alias rows are never changed'); END;

CREATE TRIGGER meter_alias_is_never_deleted BEFORE DELETE ON meter_alias
BEGIN SELECT RAISE(ABORT, 'meter_alias rows are never deleted'); END;

CREATE TRIGGER resource_group_tags_is_never_changed BEFORE UPDATE ON resource_group_tags
BEGIN SELECT RAISE(ABORT, 'resource_group_tags rows are never changed'); END;

CREATE TRIGGER resource_group_tags_is_never_deleted BEFORE DELETE ON resource_group_tags
BEGIN SELECT RAISE(ABORT, 'resource_group_tags rows are never deleted'); END;

CREATE TRIGGER resource_group_tag_is_never_changed BEFORE UPDATE ON resource_group_tag
BEGIN SELECT RAISE(ABORT, 'resource_group_tag rows are never changed'); END;

CREATE TRIGGER resource_group_tag_is_never_deleted BEFORE DELETE ON resource_group_tag
BEGIN SELECT RAISE(ABORT, 'resource_group_tag rows are never deleted'); END;

CREATE TRIGGER watermark_source_is_never_changed BEFORE UPDATE ON watermark_source
BEGIN SELECT RAISE(ABORT, 'watermark_source rows are never changed'); END;

CREATE TRIGGER watermark_source_is_never_deleted BEFORE DELETE ON watermark_source
BEGIN SELECT RAISE(ABORT, 'watermark_source rows are never deleted'); END;

CREATE TRIGGER watermark_is_never_changed BEFORE UPDATE ON watermark
BEGIN SELECT RAISE(ABORT, 'watermark rows are never changed'); END;

CREATE TRIGGER watermark_is_never_deleted BEFORE DELETE ON watermark
BEGIN SELECT RAISE(ABORT, 'watermark rows are never deleted'); END;

CREATE TRIGGER rate_card_reprices_closed_is_never_changed BEFORE UPDATE ON rate_card_reprices_closed
BEGIN SELECT RAISE(ABORT, 'rate_card_reprices_closed rows are never changed'); END;

CREATE TRIGGER rate_card_reprices_closed_is_never_deleted BEFORE DELETE ON rate_card_reprices_closed
BEGIN SELECT RAISE(ABORT, 'rate_card_reprices_closed rows are never deleted'); END;

-- From format 3 on.

-- What a change was of, in words that tools can match; whoever may assign roles over the subscription
-- may see it, and without one the administrator alone. Revisions before format 3 have none.
CREATE TABLE audit_entry (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    operation TEXT NOT NULL,
    object TEXT NOT NULL,
    subscription TEXT
) STRICT;

CREATE INDEX audit_entry_by_subscription ON audit_entry (subscription, revision);

-- What it changed: a fact without a value before it is new, one without a value after it is gone.
CREATE TABLE audit_fact (
    revision INTEGER NOT NULL REFERENCES audit_entry (revision),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (revision, position)
) STRICT, WITHOUT ROWID;

-- Each makes the administrator's tokens that were given out before it worthless.
CREATE TABLE administrator_rotation (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number)
) STRICT;

-- Principals of the built-in issuer.
CREATE TABLE service_principal (
    application TEXT NOT NULL PRIMARY KEY,
    object TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL REFERENCES revision (number),
    tenant TEXT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL
) STRICT;

CREATE TABLE service_principal_removal (
    application TEXT NOT NULL PRIMARY KEY REFERENCES service_principal (application),
    revision INTEGER NOT NULL REFERENCES revision (number)
) STRICT;

-- The hash of a secret (argon2id, in PHC's form), never the secret.
CREATE TABLE service_principal_secret (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL REFERENCES revision (number),
    application TEXT NOT NULL REFERENCES service_principal (application),
    hash TEXT NOT NULL,
    until_micros INTEGER NOT NULL
) STRICT;

CREATE INDEX service_principal_secret_by_application
    ON service_principal_secret (application, revision);

-- The earliest end counts.
CREATE TABLE service_principal_secret_end (
    revision INTEGER NOT NULL REFERENCES revision (number),
    secret TEXT NOT NULL REFERENCES service_principal_secret (id),
    until_micros INTEGER NOT NULL,
    PRIMARY KEY (revision, secret)
) STRICT, WITHOUT ROWID;

-- Custom roles. The last row of an id counts; without a name it is removed.
CREATE TABLE role_definition (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    id TEXT NOT NULL,
    tenant TEXT NOT NULL REFERENCES tenant (id),
    name TEXT,
    description TEXT
) STRICT;

CREATE INDEX role_definition_by_id ON role_definition (id, revision);

-- What a custom role has in its lists: action, not_action, data_action, not_data_action and
-- assignable_scope.
CREATE TABLE role_definition_entry (
    revision INTEGER NOT NULL REFERENCES role_definition (revision),
    list TEXT NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (revision, list, position)
) STRICT, WITHOUT ROWID;

-- Role assignments, in the place of role_assignment: whoever makes one chooses its id, and may choose
-- that of one that was removed. A changed one is a removal and a new row of the same id, which keeps
-- the revision that made the first.
CREATE TABLE role_grant (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    made_revision INTEGER NOT NULL REFERENCES revision (number),
    id TEXT NOT NULL,
    principal TEXT NOT NULL,
    principal_type TEXT,
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    description TEXT
) STRICT;

CREATE INDEX role_grant_by_id ON role_grant (id, revision);

CREATE INDEX role_grant_by_principal ON role_grant (principal);

CREATE TABLE role_grant_removal (
    role_grant INTEGER NOT NULL PRIMARY KEY REFERENCES role_grant (revision),
    revision INTEGER NOT NULL REFERENCES revision (number)
) STRICT;

INSERT INTO role_grant (revision, made_revision, id, principal, role, scope)
SELECT made_revision, made_revision, id, principal, role, scope FROM role_assignment;

INSERT INTO role_grant_removal (role_grant, revision)
SELECT made_revision, removed_revision FROM role_assignment_removal
JOIN role_assignment ON role_assignment.id = assignment;

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'audit_entry rows are never changed'); END;

CREATE TRIGGER audit_entry_is_never_deleted BEFORE DELETE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'audit_entry rows are never deleted'); END;

CREATE TRIGGER audit_fact_is_never_changed BEFORE UPDATE ON audit_fact
BEGIN SELECT RAISE(ABORT, 'audit_fact rows are never changed'); END;

CREATE TRIGGER audit_fact_is_never_deleted BEFORE DELETE ON audit_fact
BEGIN SELECT RAISE(ABORT, 'audit_fact rows are never deleted'); END;

CREATE TRIGGER administrator_rotation_is_never_changed BEFORE UPDATE ON administrator_rotation
BEGIN SELECT RAISE(ABORT, 'administrator_rotation rows are never changed'); END;

CREATE TRIGGER administrator_rotation_is_never_deleted BEFORE DELETE ON administrator_rotation
BEGIN SELECT RAISE(ABORT, 'administrator_rotation rows are never deleted'); END;

CREATE TRIGGER service_principal_is_never_changed BEFORE UPDATE ON service_principal
BEGIN SELECT RAISE(ABORT, 'service_principal rows are never changed'); END;

CREATE TRIGGER service_principal_is_never_deleted BEFORE DELETE ON service_principal
BEGIN SELECT RAISE(ABORT, 'service_principal rows are never deleted'); END;

CREATE TRIGGER service_principal_removal_is_never_changed BEFORE UPDATE ON service_principal_removal
BEGIN SELECT RAISE(ABORT, 'service_principal_removal rows are never changed'); END;

CREATE TRIGGER service_principal_removal_is_never_deleted BEFORE DELETE ON service_principal_removal
BEGIN SELECT RAISE(ABORT, 'service_principal_removal rows are never deleted'); END;

CREATE TRIGGER service_principal_secret_is_never_changed BEFORE UPDATE ON service_principal_secret
BEGIN SELECT RAISE(ABORT, 'service_principal_secret rows are never changed'); END;

CREATE TRIGGER service_principal_secret_is_never_deleted BEFORE DELETE ON service_principal_secret
BEGIN SELECT RAISE(ABORT, 'service_principal_secret rows are never deleted'); END;

CREATE TRIGGER service_principal_secret_end_is_never_changed BEFORE UPDATE ON service_principal_secret_end
BEGIN SELECT RAISE(ABORT, 'service_principal_secret_end rows are never changed'); END;

CREATE TRIGGER service_principal_secret_end_is_never_deleted BEFORE DELETE ON service_principal_secret_end
BEGIN SELECT RAISE(ABORT, 'service_principal_secret_end rows are never deleted'); END;

CREATE TRIGGER role_definition_is_never_changed BEFORE UPDATE ON role_definition
BEGIN SELECT RAISE(ABORT, 'role_definition rows are never changed'); END;

CREATE TRIGGER role_definition_is_never_deleted BEFORE DELETE ON role_definition
BEGIN SELECT RAISE(ABORT, 'role_definition rows are never deleted'); END;

CREATE TRIGGER role_definition_entry_is_never_changed BEFORE UPDATE ON role_definition_entry
BEGIN SELECT RAISE(ABORT, 'role_definition_entry rows are never changed'); END;

CREATE TRIGGER role_definition_entry_is_never_deleted BEFORE DELETE ON role_definition_entry
BEGIN SELECT RAISE(ABORT, 'role_definition_entry rows are never deleted'); END;

CREATE TRIGGER role_grant_is_never_changed BEFORE UPDATE ON role_grant
BEGIN SELECT RAISE(ABORT, 'role_grant rows are never changed'); END;

CREATE TRIGGER role_grant_is_never_deleted BEFORE DELETE ON role_grant
BEGIN SELECT RAISE(ABORT, 'role_grant rows are never deleted'); END;

CREATE TRIGGER role_grant_removal_is_never_changed BEFORE UPDATE ON role_grant_removal
BEGIN SELECT RAISE(ABORT, 'role_grant_removal rows are never changed'); END;

CREATE TRIGGER role_grant_removal_is_never_deleted BEFORE DELETE ON role_grant_removal
BEGIN SELECT RAISE(ABORT, 'role_grant_removal rows are never deleted'); END;

-- From format 4 on.

-- For how many days the details of a subscription's usage are kept. The last row of a subscription
-- counts; without days they are kept for ever.
CREATE TABLE retention (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    subscription TEXT NOT NULL,
    days INTEGER
) STRICT;

CREATE INDEX retention_by_subscription ON retention (subscription, revision);

-- While there is one on a subscription, nothing of it is erased. The last row of a subscription
-- counts; without a reason it is lifted.
CREATE TABLE legal_hold (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    subscription TEXT NOT NULL,
    reason TEXT
) STRICT;

CREATE INDEX legal_hold_by_subscription ON legal_hold (subscription, revision);

-- Erasures of what names people in the usage of a subscription: of all of it, or of usage that began
-- before a day. The cause is request or retention.
CREATE TABLE erasure (
    revision INTEGER NOT NULL PRIMARY KEY REFERENCES revision (number),
    id TEXT NOT NULL UNIQUE,
    subscription TEXT NOT NULL,
    before_day INTEGER,
    cause TEXT NOT NULL
) STRICT;

CREATE INDEX erasure_by_subscription ON erasure (subscription, revision);

-- The key that an erasure makes pseudonyms with. Its row goes with the erasure's end, so that nobody
-- can go back from them.
CREATE TABLE erasure_key (
    erasure INTEGER NOT NULL PRIMARY KEY REFERENCES erasure (revision),
    key BLOB NOT NULL
) STRICT;

-- Erasures that are done: up to which version of the ledger, and how much they rewrote.
CREATE TABLE erasure_end (
    erasure INTEGER NOT NULL PRIMARY KEY REFERENCES erasure (revision),
    at_micros INTEGER NOT NULL,
    ledger_version TEXT NOT NULL,
    files INTEGER NOT NULL,
    rows INTEGER NOT NULL
) STRICT;

-- The revisions that set tags of a resource group which are to be erased: an erasure of all of the
-- subscription came later. What they say may be changed until their rows of resource_group_tags are
-- gone, and never after.
CREATE VIEW revision_to_erase AS
SELECT resource_group_tags.revision AS revision
FROM resource_group_tags JOIN erasure ON erasure.subscription = resource_group_tags.subscription
WHERE erasure.before_day IS NULL AND erasure.revision > resource_group_tags.revision;

CREATE TRIGGER retention_is_never_changed BEFORE UPDATE ON retention
BEGIN SELECT RAISE(ABORT, 'retention rows are never changed'); END;

CREATE TRIGGER retention_is_never_deleted BEFORE DELETE ON retention
BEGIN SELECT RAISE(ABORT, 'retention rows are never deleted'); END;

CREATE TRIGGER legal_hold_is_never_changed BEFORE UPDATE ON legal_hold
BEGIN SELECT RAISE(ABORT, 'legal_hold rows are never changed'); END;

CREATE TRIGGER legal_hold_is_never_deleted BEFORE DELETE ON legal_hold
BEGIN SELECT RAISE(ABORT, 'legal_hold rows are never deleted'); END;

CREATE TRIGGER erasure_is_never_changed BEFORE UPDATE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure rows are never changed'); END;

CREATE TRIGGER erasure_is_never_deleted BEFORE DELETE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure rows are never deleted'); END;

CREATE TRIGGER erasure_key_is_never_changed BEFORE UPDATE ON erasure_key
BEGIN SELECT RAISE(ABORT, 'erasure_key rows are never changed'); END;

CREATE TRIGGER erasure_key_is_never_deleted BEFORE DELETE ON erasure_key
WHEN NOT EXISTS (SELECT 1 FROM erasure_end WHERE erasure_end.erasure = OLD.erasure)
BEGIN SELECT RAISE(ABORT, 'erasure_key rows are never deleted before the end'); END;

CREATE TRIGGER erasure_end_is_never_changed BEFORE UPDATE ON erasure_end
BEGIN SELECT RAISE(ABORT, 'erasure_end rows are never changed'); END;

CREATE TRIGGER erasure_end_is_never_deleted BEFORE DELETE ON erasure_end
BEGIN SELECT RAISE(ABORT, 'erasure_end rows are never deleted'); END;

DROP TRIGGER resource_group_tags_is_never_deleted;

CREATE TRIGGER resource_group_tags_is_never_deleted BEFORE DELETE ON resource_group_tags
WHEN OLD.revision NOT IN (SELECT revision FROM revision_to_erase)
BEGIN SELECT RAISE(ABORT, 'resource_group_tags rows are never deleted'); END;

DROP TRIGGER resource_group_tag_is_never_deleted;

CREATE TRIGGER resource_group_tag_is_never_deleted BEFORE DELETE ON resource_group_tag
WHEN OLD.revision NOT IN (SELECT revision FROM revision_to_erase)
BEGIN SELECT RAISE(ABORT, 'resource_group_tag rows are never deleted'); END;

DROP TRIGGER audit_entry_is_never_changed;

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
WHEN OLD.revision NOT IN (SELECT revision FROM revision_to_erase)
BEGIN SELECT RAISE(ABORT, 'audit_entry rows are never changed'); END;

DROP TRIGGER audit_fact_is_never_changed;

CREATE TRIGGER audit_fact_is_never_changed BEFORE UPDATE ON audit_fact
WHEN OLD.revision NOT IN (SELECT revision FROM revision_to_erase)
BEGIN SELECT RAISE(ABORT, 'audit_fact rows are never changed'); END;

DROP TRIGGER revision_is_never_changed;

CREATE TRIGGER revision_is_never_changed BEFORE UPDATE ON revision
WHEN OLD.number NOT IN (SELECT revision FROM revision_to_erase)
BEGIN SELECT RAISE(ABORT, 'revision rows are never changed'); END;

-- From format 5 on.

-- Files of the table that an erasure found damaged, by their paths in it: it has erased nothing of them.
CREATE TABLE erasure_damage (
    erasure INTEGER NOT NULL REFERENCES erasure_end (erasure),
    file TEXT NOT NULL,
    PRIMARY KEY (erasure, file)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER erasure_damage_is_never_changed BEFORE UPDATE ON erasure_damage
BEGIN SELECT RAISE(ABORT, 'erasure_damage rows are never changed'); END;

CREATE TRIGGER erasure_damage_is_never_deleted BEFORE DELETE ON erasure_damage
BEGIN SELECT RAISE(ABORT, 'erasure_damage rows are never deleted'); END;
