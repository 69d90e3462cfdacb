-- The keys to personal data, in a schema of their own, apart from every event store and its backups.
-- The role of the schema's name looks keys up and makes new ones; only <name>_eraser destroys them.
-- Texts are compared byte by byte (COLLATE "C"), as the SQLite store and Python do.

CREATE TABLE masters (fingerprint text COLLATE "C" PRIMARY KEY);

CREATE TABLE keys (
    key_id       text COLLATE "C" PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL,
    made_at      text COLLATE "C" NOT NULL,
    wrapped      bytea,
    destroyed_at text COLLATE "C",
    actor        text,
    reason       text,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE INDEX bodies_by_age ON keys (made_at) WHERE kind = 'body' AND wrapped IS NOT NULL;

CREATE TABLE owners (owner text COLLATE "C", key_id text COLLATE "C", PRIMARY KEY (owner, key_id));

CREATE TABLE ties (entity text COLLATE "C", key_id text COLLATE "C", PRIMARY KEY (entity, key_id));
CREATE INDEX tied_by_key ON ties (key_id);

CREATE TABLE accesses (at text COLLATE "C" NOT NULL, who text NOT NULL, key_id text COLLATE "C" NOT NULL);

-- A key is made once and destroyed once, whoever asks: the owner is refused anything else, too.
CREATE FUNCTION refuse_other_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.wrapped IS NOT NULL AND NEW.wrapped IS NULL
        AND (NEW.key_id, NEW.kind, NEW.made_at) = (OLD.key_id, OLD.kind, OLD.made_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a key is destroyed, and nothing else' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER keys_destroyed_only BEFORE UPDATE OR DELETE ON keys
    FOR EACH ROW EXECUTE FUNCTION refuse_other_change();
CREATE TRIGGER keys_no_truncate BEFORE TRUNCATE ON keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_change();
ALTER TABLE keys ENABLE ALWAYS TRIGGER keys_destroyed_only;
ALTER TABLE keys ENABLE ALWAYS TRIGGER keys_no_truncate;

-- What a channel sent is kept for so many days and no longer: the service that takes it in sees to that, and can
-- destroy nobody's key by it. It acts as whoever migrates, in this schema and no other.
CREATE FUNCTION forget_bodies(before text, who text, why text, moment text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    forgotten bigint;
BEGIN
    UPDATE keys SET wrapped = NULL, destroyed_at = moment, actor = who, reason = why
        WHERE wrapped IS NOT NULL AND kind = 'body' AND made_at < before;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;

DO $$
DECLARE
    place text := quote_ident(current_schema());
    eraser text := quote_ident(current_schema() || '_eraser');
BEGIN
    EXECUTE format('ALTER FUNCTION forget_bodies SET search_path = %s, pg_temp', place);
    EXECUTE format('REVOKE ALL ON FUNCTION forget_bodies FROM PUBLIC');
    EXECUTE format('GRANT USAGE ON SCHEMA %1$s TO %1$s, %2$s', place, eraser);
    EXECUTE format('GRANT SELECT ON applied_migrations TO %s, %s', place, eraser);
    EXECUTE format('GRANT SELECT, INSERT ON masters, keys, owners, ties TO %s, %s', place, eraser);
    EXECUTE format('GRANT INSERT ON accesses TO %s', place);
    EXECUTE format('GRANT EXECUTE ON FUNCTION forget_bodies TO %s', place);
    EXECUTE format('GRANT SELECT, INSERT ON accesses TO %s', eraser);
    EXECUTE format('GRANT UPDATE (wrapped, destroyed_at, actor, reason) ON keys TO %s', eraser);
END $$;
