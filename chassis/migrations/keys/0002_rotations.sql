-- The master key can be changed: every key is wrapped anew, in one transaction that begins by recording it here.
-- The newest row says which master key the keys are wrapped by, and has the secret that people's names are derived with,
-- wrapped by it; without a row both are those of the first master key (masters).

CREATE TABLE rotations (
    number      bigint PRIMARY KEY,
    at          text COLLATE "C" NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    naming      bytea NOT NULL
);

CREATE FUNCTION refuse_change_of_rotations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a rotation is recorded, and nothing else' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER rotations_recorded_only BEFORE UPDATE OR DELETE ON rotations
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_rotations();
CREATE TRIGGER rotations_no_truncate BEFORE TRUNCATE ON rotations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_rotations();
ALTER TABLE rotations ENABLE ALWAYS TRIGGER rotations_recorded_only;
ALTER TABLE rotations ENABLE ALWAYS TRIGGER rotations_no_truncate;

-- A key is made once and destroyed once, as before. In between, whoever acts as <name>_eraser may wrap it anew, in a
-- transaction that records a rotation: nothing else about it changes, and who was destroyed has nothing to wrap.
CREATE OR REPLACE FUNCTION refuse_other_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.wrapped IS NOT NULL
        AND (NEW.key_id, NEW.kind, NEW.made_at) = (OLD.key_id, OLD.kind, OLD.made_at) THEN
        IF NEW.wrapped IS NULL THEN
            RETURN NEW;
        END IF;
        IF current_user = TG_TABLE_SCHEMA || '_eraser' AND octet_length(NEW.wrapped) = octet_length(OLD.wrapped)
            AND EXISTS (SELECT 1 FROM rotations WHERE xmin = pg_current_xact_id()::xid) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a key is destroyed, or wrapped anew by a rotation, and nothing else'
        USING ERRCODE = 'restrict_violation';
END $$;

DO $$
DECLARE
    place text := quote_ident(current_schema());
    eraser text := quote_ident(current_schema() || '_eraser');
BEGIN
    EXECUTE format('ALTER FUNCTION refuse_other_change SET search_path = %s, pg_temp', place);
    EXECUTE format('GRANT SELECT ON rotations TO %s', place);
    EXECUTE format('GRANT SELECT, INSERT ON rotations TO %s', eraser);
END $$;
