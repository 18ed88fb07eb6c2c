extension Schema {
    /// Runs may be unique, and may collect events.
    ///
    /// - runs_unique finds the unfinished runs of a unique key, latest event first; runs_unique_completed the completed ones,
    ///   of jobs only where these count. What is finished costs nothing else.
    /// - collects is 1 for a run that events may join, as long as it is scheduled: runs_collecting finds it. `collects_until`,
    ///   `collects_size`, `collected` and `collected_bytes` are what the next event has to know of it.
    /// - keeps says what the handler gets: 0 the run's own event, the first, 1 all of them, 2 the run's event, which is the last;
    ///   `items_done` counts what earlier attempts did.
    /// - run_items has the events that a run collected, its own first one included, in the order in which they came. An event is
    ///   in it once for each job (run_items_event), so that it joins no second run; it goes with the run.
    static let version5 = """
        ALTER TABLE runs ADD COLUMN unique_key TEXT;
        ALTER TABLE runs ADD COLUMN unique_completed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN collects INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN collect_key TEXT;
        ALTER TABLE runs ADD COLUMN collects_until INTEGER;
        ALTER TABLE runs ADD COLUMN collects_size INTEGER;
        ALTER TABLE runs ADD COLUMN collected INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN collected_bytes INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN keeps INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN items_done INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX runs_unique ON runs (job, unique_key, event, state, created_at)
            WHERE unique_key IS NOT NULL AND state IN (0, 1, 2, 3);
        CREATE INDEX runs_unique_completed ON runs (job, unique_key, created_at)
            WHERE unique_key IS NOT NULL AND unique_completed = 1 AND state = 4;
        CREATE INDEX runs_collecting ON runs (job, collect_key) WHERE collects = 1 AND state = 0;

        CREATE TABLE run_items (
            run BLOB NOT NULL,
            position INTEGER NOT NULL,
            event INTEGER NOT NULL,
            job TEXT NOT NULL,
            trigger TEXT,
            input BLOB,
            done INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (run, position)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX run_items_event ON run_items (event, job);
        """
}
