-- Who fetched a key is what the server saw, too, not only what the service says of itself: one that was taken over cannot
-- note its accesses under another's name. Rows of older releases have no login; releases that run still name the columns
-- they fill, and go on.

ALTER TABLE accesses ADD COLUMN login name;
ALTER TABLE accesses ALTER COLUMN login SET DEFAULT session_user;

DO $$
DECLARE
    place text := quote_ident(current_schema());
    eraser text := quote_ident(current_schema() || '_eraser');
BEGIN
    EXECUTE format('REVOKE INSERT ON accesses FROM %s, %s', place, eraser);
    EXECUTE format('GRANT INSERT (at, who, key_id) ON accesses TO %s, %s', place, eraser);
END $$;
