import GRDB

/// The tables, as numbered migrations that only go forward. A migration that has been released is never changed.
enum Schema {
    /// Marks the file as one of ours (`PRAGMA application_id`): "Njar".
    static let applicationID: Int32 = 0x4E6A_6172

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-events-and-runs") { database in
            try database.execute(sql: version1)
        }
        migrator.registerMigration("2-inputs") { database in
            // What a job gets instead of its event's data.
            try database.execute(sql: "ALTER TABLE runs ADD COLUMN input BLOB")
        }
        migrator.registerMigration("3-unmatched-events") { database in
            try database.execute(sql: version3)
        }
        migrator.registerMigration("4-keys-and-ranks") { database in
            try database.execute(sql: version4)
        }
        migrator.registerMigration("5-unique-and-collected") { database in
            try database.execute(sql: version5)
        }
        migrator.registerMigration("6-addressees") { database in
            try database.execute(sql: version6)
        }
        return migrator
    }

    /// Times are microseconds since 1970. States and outcomes are the raw values of RunState and Attempt.Outcome.
    ///
    /// - events get their sequence from counters, never one twice, and a block at a time: a third cheaper than AUTOINCREMENT.
    /// - events_identity finds duplicates.
    /// - runs has its id as key: ids grow with time, so new rows go to the end.
    /// - runs_available serves claims, and holds available runs only: what is finished costs a claim nothing. The last
    ///   columns are there so that paused triggers and counts() need no look at the rows.
    /// - runs_due serves the promotion of scheduled and retryable runs, and counts().
    /// - runs_running serves expired(), cancelRequests() and counts(); it is as small as the nodes' slots are few.
    /// - runs_event keeps one run of a job for an event, and finds an event's runs.
    /// - runs_finished serves prune(); runs_dead and runs_cancelled serve lists of what is rare among the finished.
    private static let version1 = """
        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            source TEXT NOT NULL,
            type TEXT NOT NULL,
            subject TEXT,
            time INTEGER,
            data_content_type TEXT,
            data_schema TEXT,
            extensions TEXT,
            data BLOB,
            accepted_at INTEGER NOT NULL,
            refusals TEXT
        );
        CREATE UNIQUE INDEX events_identity ON events (id, source);
        CREATE INDEX events_accepted ON events (accepted_at);

        CREATE TABLE runs (
            id BLOB NOT NULL PRIMARY KEY,
            event INTEGER NOT NULL,
            job TEXT NOT NULL,
            trigger TEXT,
            state INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            run_at INTEGER NOT NULL,
            finished_at INTEGER,
            attempt INTEGER NOT NULL DEFAULT 0,
            failures INTEGER NOT NULL DEFAULT 0,
            snoozes INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            lease_token INTEGER,
            lease_node TEXT,
            lease_expires_at INTEGER,
            started_at INTEGER,
            cancel_requested INTEGER NOT NULL DEFAULT 0,
            progress REAL,
            progress_text TEXT,
            reason TEXT,
            result BLOB
        ) WITHOUT ROWID;
        CREATE INDEX runs_available ON runs (job, priority DESC, run_at, event, trigger, state) WHERE state = 1;
        CREATE INDEX runs_due ON runs (run_at, job, state) WHERE state IN (0, 3);
        CREATE INDEX runs_running ON runs (lease_node) WHERE state = 2;
        CREATE UNIQUE INDEX runs_event ON runs (event, job);
        CREATE INDEX runs_finished ON runs (finished_at) WHERE state IN (4, 6);
        CREATE INDEX runs_dead ON runs (id, job, state) WHERE state = 5;
        CREATE INDEX runs_cancelled ON runs (id) WHERE state = 6;

        CREATE TABLE attempts (
            run BLOB NOT NULL,
            number INTEGER NOT NULL,
            node TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL,
            outcome INTEGER NOT NULL,
            error TEXT,
            output BLOB,
            PRIMARY KEY (run, number)
        ) WITHOUT ROWID;

        CREATE TABLE source_state (
            trigger TEXT NOT NULL,
            key TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (trigger, key)
        ) WITHOUT ROWID;

        CREATE TABLE pauses (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            paused_at INTEGER NOT NULL,
            PRIMARY KEY (kind, name)
        ) WITHOUT ROWID;

        CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO counters VALUES ('event_sequence', 0), ('fencing_token', 0);

        CREATE TABLE nodes (slot INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
        """

    /// Old events went with a look at all of them, also at those whose runs stay. Now events without runs are marked and
    /// found by events_unmatched, and the others go with the last of their runs.
    ///
    /// A process of the version before that still has the file open knows no mark: the events without runs that it takes from
    /// now on stay. They are few, an upgrade being a matter of minutes, and harm nobody; they can still be found as
    /// duplicates. To find them at each opening would take a look at every event, which is what this migration ended; and
    /// a bounded look might miss them, since nobody knows when that process ends.
    private static let version3 = """
        ALTER TABLE events ADD COLUMN unmatched INTEGER NOT NULL DEFAULT 0;
        UPDATE events SET unmatched = 1 WHERE NOT EXISTS (SELECT 1 FROM runs WHERE event = events.sequence);
        DROP INDEX events_accepted;
        CREATE INDEX events_unmatched ON events (accepted_at) WHERE unmatched = 1;
        """

    /// Runs go by their rank (``RunRank``), may expire, and may have a key in common. `starts_over_at` is when a person retried
    /// them last.
    ///
    /// - Available runs are in one of three indexes, each in the order of claims, so that a claim passes over nothing that is
    ///   not for it: runs_available has those without a key, runs_keyed those with one, runs_suspect those that are suspected
    ///   of killing their nodes. The last columns are there so that paused triggers and counts() need no look at the rows.
    /// - runs_suspect_running tells whether a node has a suspect in hand.
    /// - runs_expiring finds what was not started in time.
    /// - runs_key_available, runs_key_unfinished, runs_key_running and runs_key_stopped each answer one question about a key.
    ///   Runs without keys are in none of them.
    /// - lanes has a row for each key, in the order of turns; see ``Lane`` for what `active` says. The triggers see to it that
    ///   no change is missed, whoever makes it: a key whose runs changed is looked at again, and a key without unfinished
    ///   runs is idle.
    /// - arrival is the state of a rate (``RateLimit``); jobs has those of whole jobs, the turn of their runs without keys, and
    ///   the policy by which their keys were found to have nothing to claim: another policy has to look anew.
    private static let version4 = """
        ALTER TABLE runs ADD COLUMN expires_at INTEGER;
        ALTER TABLE runs ADD COLUMN key TEXT;
        ALTER TABLE runs ADD COLUMN stops_key INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN starts_over_at INTEGER;
        ALTER TABLE runs ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
        UPDATE runs SET rank = run_at - priority * 600000000;
        DROP INDEX runs_available;
        CREATE INDEX runs_available ON runs (job, rank, event, trigger, state, key, crashes)
            WHERE state = 1 AND key IS NULL AND crashes = 0;
        CREATE INDEX runs_keyed ON runs (job, rank, event, key, trigger, state, crashes)
            WHERE state = 1 AND key IS NOT NULL AND crashes = 0;
        CREATE INDEX runs_suspect ON runs (job, rank, event, key, trigger, state, crashes)
            WHERE state = 1 AND crashes > 0;
        CREATE INDEX runs_suspect_running ON runs (lease_node, state, crashes) WHERE state = 2 AND crashes > 0;
        CREATE INDEX runs_expiring ON runs (expires_at) WHERE expires_at IS NOT NULL AND attempt = 0 AND state IN (0, 1);
        CREATE INDEX runs_key_available ON runs (job, key, rank, event, trigger, state, crashes)
            WHERE state = 1 AND key IS NOT NULL AND crashes = 0;
        CREATE INDEX runs_key_unfinished ON runs (job, key, event, state, crashes, trigger)
            WHERE key IS NOT NULL AND state IN (0, 1, 2, 3);
        CREATE INDEX runs_key_running ON runs (job, key, state) WHERE state = 2 AND key IS NOT NULL;
        CREATE INDEX runs_key_stopped ON runs (job, key, event, state, stops_key) WHERE state = 5 AND stops_key = 1;

        CREATE TABLE lanes (
            job TEXT NOT NULL,
            key TEXT NOT NULL,
            turn INTEGER NOT NULL,
            arrival INTEGER NOT NULL DEFAULT 0,
            not_before INTEGER NOT NULL DEFAULT 0,
            active INTEGER NOT NULL DEFAULT 1,
            PRIMARY KEY (job, key)
        ) WITHOUT ROWID;
        CREATE INDEX lanes_active ON lanes (job, turn) WHERE active = 1;
        CREATE INDEX lanes_paused ON lanes (job) WHERE active = 2;
        CREATE INDEX lanes_waiting ON lanes (job, not_before) WHERE active = 3;
        CREATE INDEX lanes_idle ON lanes (arrival, job, key) WHERE active = 0;
        CREATE TABLE jobs (
            name TEXT NOT NULL PRIMARY KEY,
            arrival INTEGER,
            key_policy TEXT,
            keyless_turn INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        INSERT INTO counters VALUES ('turn', 0);

        CREATE TRIGGER runs_key_insert AFTER INSERT ON runs WHEN NEW.key IS NOT NULL BEGIN
            UPDATE counters SET value = value + 1 WHERE name = 'turn'
                AND NOT EXISTS (SELECT 1 FROM lanes WHERE job = NEW.job AND key = NEW.key);
            INSERT INTO lanes (job, key, turn)
                VALUES (NEW.job, NEW.key, (SELECT value FROM counters WHERE name = 'turn'))
                ON CONFLICT (job, key) DO UPDATE SET active = 1 WHERE active <> 1;
        END;
        CREATE TRIGGER runs_key_waits AFTER UPDATE OF state ON runs WHEN NEW.key IS NOT NULL AND NEW.state IN (0, 1, 3) BEGIN
            UPDATE counters SET value = value + 1 WHERE name = 'turn'
                AND NOT EXISTS (SELECT 1 FROM lanes WHERE job = NEW.job AND key = NEW.key);
            INSERT INTO lanes (job, key, turn)
                VALUES (NEW.job, NEW.key, (SELECT value FROM counters WHERE name = 'turn'))
                ON CONFLICT (job, key) DO UPDATE SET active = 1 WHERE active <> 1;
        END;
        CREATE TRIGGER runs_key_ends AFTER UPDATE OF state ON runs WHEN NEW.key IS NOT NULL AND NEW.state IN (4, 5, 6) BEGIN
            UPDATE lanes SET active = EXISTS (
                SELECT 1 FROM runs WHERE job = NEW.job AND key = NEW.key AND key IS NOT NULL AND state IN (0, 1, 2, 3))
            WHERE job = NEW.job AND key = NEW.key;
        END;

        CREATE TABLE pauses_4 (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            key TEXT NOT NULL DEFAULT '',
            paused_at INTEGER NOT NULL,
            PRIMARY KEY (kind, name, key)
        ) WITHOUT ROWID;
        INSERT INTO pauses_4 (kind, name, paused_at) SELECT kind, name, paused_at FROM pauses;
        DROP TABLE pauses;
        ALTER TABLE pauses_4 RENAME TO pauses;
        """

    /// Events are kept to be decided on again; whom one of before was for is told by the decisions on it. Inputs can be edited.
    ///
    /// - events_unmatched_order holds the sequences of events without runs, in their order.
    private static let version6 = """
        ALTER TABLE events ADD COLUMN addressee TEXT;
        ALTER TABLE runs ADD COLUMN input_edited_at INTEGER;
        CREATE INDEX events_unmatched_order ON events (unmatched) WHERE unmatched = 1;
        """
}
