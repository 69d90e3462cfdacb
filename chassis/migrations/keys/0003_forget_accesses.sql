-- The list of accesses is kept for so many days and no longer: the service that takes bodies in sees to that. Nobody
-- may delete from it; this function does, and by the server's own clock never what is younger than 29 days (thirty is
-- the least that can be set, and clocks differ), so that whoever takes a service over cannot wipe away what they fetched.

CREATE INDEX accesses_by_age ON accesses USING brin (at);

CREATE FUNCTION forget_accesses(before text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    forgotten bigint;
BEGIN
    IF before COLLATE "C" > to_char(now() AT TIME ZONE 'UTC' - interval '29 days', 'YYYY-MM-DD"T"HH24:MI:SS') THEN
        RAISE EXCEPTION 'accesses are kept for a month at least' USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM accesses WHERE at < before;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;

DO $$
DECLARE
    place text := quote_ident(current_schema());
BEGIN
    EXECUTE format('ALTER FUNCTION forget_accesses SET search_path = %s, pg_temp', place);
    EXECUTE format('REVOKE ALL ON FUNCTION forget_accesses FROM PUBLIC');
    EXECUTE format('GRANT EXECUTE ON FUNCTION forget_accesses TO %s', place);
END $$;
