-- The event store of one service, in a schema of its own; the role that may use it has the schema's name.
-- Texts are compared byte by byte (COLLATE "C"), as the SQLite store and Python do: every order is the same everywhere.

CREATE TABLE stored_events (
    notification_id    bigint PRIMARY KEY,
    originator_id      text COLLATE "C" NOT NULL,
    originator_version bigint NOT NULL,
    topic              text COLLATE "C" NOT NULL,
    state              bytea NOT NULL,
    headers            bytea NOT NULL,
    chain              bytea NOT NULL,
    UNIQUE (originator_id, originator_version)
);

CREATE TABLE entities (
    id      text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    born    bigint NOT NULL,
    state   bytea NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE timers (
    entity text COLLATE "C",
    name   text COLLATE "C",
    due    text COLLATE "C" NOT NULL,
    PRIMARY KEY (entity, name)
);
CREATE INDEX timers_due ON timers (due, entity, name);

CREATE TABLE calls (
    entity text COLLATE "C",
    key    text COLLATE "C",
    kind   text COLLATE "C" NOT NULL,
    PRIMARY KEY (entity, key)
);

CREATE TABLE tags (
    tag    text COLLATE "C",
    born   bigint,
    entity text COLLATE "C",
    PRIMARY KEY (tag, born, entity)
);

CREATE TABLE tag_counts (
    tag      text COLLATE "C" PRIMARY KEY,
    entities bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE positions (
    source     text COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL,
    stream_seq bigint NOT NULL
) WITH (fillfactor = 50);

-- What was said stays said, whoever asks: the owner is refused too, and so is a session that switches triggers off.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stored_events is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER stored_events_no_change BEFORE UPDATE OR DELETE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stored_events_no_truncate BEFORE TRUNCATE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER stored_events_no_change;
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER stored_events_no_truncate;

-- The application adds events and reads them; what follows from them it keeps as it likes.
DO $$
DECLARE
    app text := quote_ident(current_schema());
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %1$s TO %1$s', app);
    EXECUTE format('GRANT SELECT ON applied_migrations TO %s', app);
    EXECUTE format('GRANT SELECT, INSERT ON stored_events TO %s', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON entities, timers, calls, tags, tag_counts TO %s', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON positions TO %s', app);
END $$;
