-- What is kept for so many days is destroyed by the server's clock, and by nobody but the service that takes it in: a
-- service that was taken over, or whoever has its login, destroys no body of the last day and forgets none of what it
-- fetched. What callers say of the time is believed where it keeps more, never where it keeps less.

ALTER TABLE accesses ADD COLUMN noted_at timestamptz NOT NULL DEFAULT now();
-- Rows of older releases count from this step on. Nobody was granted the column: it is always the server's.
DROP INDEX accesses_by_age;
CREATE INDEX accesses_by_age ON accesses USING brin (noted_at);

-- Whoever is logged in as a member of orders, whatever role it acts as at the moment.
CREATE FUNCTION require_keeper() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_roles WHERE rolname = regexp_replace(current_schema(), '_keys$', '_orders')
            AND pg_has_role(session_user, oid, 'MEMBER')
    ) THEN
        RAISE EXCEPTION '% does not look after what is kept for so many days', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION forget_bodies(before text, who text, why text, moment text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    today text COLLATE "C" := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    yesterday text COLLATE "C" := to_char(now() AT TIME ZONE 'UTC' - interval '23 hours', 'YYYY-MM-DD"T"HH24:MI:SS');
    forgotten bigint;
BEGIN
    PERFORM require_keeper();
    IF before COLLATE "C" > yesterday THEN
        RAISE EXCEPTION 'bodies are kept for a day at least' USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE keys SET wrapped = NULL, destroyed_at = today, actor = session_user, reason = why
        WHERE wrapped IS NOT NULL AND kind = 'body' AND made_at < before;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;

CREATE OR REPLACE FUNCTION forget_accesses(before text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    forgotten bigint;
BEGIN
    PERFORM require_keeper();
    IF before::timestamptz > now() - interval '29 days' THEN
        RAISE EXCEPTION 'accesses are kept for a month at least' USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM accesses WHERE noted_at < before::timestamptz;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;

DO $$
DECLARE
    place text := quote_ident(current_schema());
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION require_keeper FROM PUBLIC');
    EXECUTE format('ALTER FUNCTION forget_bodies SET search_path = %s, pg_temp', place);
    EXECUTE format('ALTER FUNCTION forget_accesses SET search_path = %s, pg_temp', place);
END $$;
