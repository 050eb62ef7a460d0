import GRDB

/// Tables and their history. A released migration never changes; a new shape is a new migration.
enum StoreSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 conversations") { db in
      try db.execute(
        sql: """
          CREATE TABLE node (
            id TEXT PRIMARY KEY NOT NULL,
            parent TEXT REFERENCES node (id) ON DELETE RESTRICT,
            created_at INTEGER NOT NULL,
            model_key TEXT NOT NULL,
            surface TEXT NOT NULL,
            owner TEXT,
            system_prompt TEXT,
            input TEXT NOT NULL,
            output TEXT NOT NULL,
            finish_reason TEXT NOT NULL,
            usage TEXT NOT NULL,
            timings TEXT NOT NULL
          ) STRICT;
          CREATE INDEX node_parent ON node (parent);
          CREATE INDEX node_created_at ON node (created_at);
          CREATE TABLE image (
            id INTEGER PRIMARY KEY,
            hash INTEGER NOT NULL,
            format TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            bytes BLOB NOT NULL
          ) STRICT;
          CREATE INDEX image_hash ON image (hash);
          CREATE TABLE node_image (
            node TEXT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
            image INTEGER NOT NULL REFERENCES image (id) ON DELETE RESTRICT,
            PRIMARY KEY (node, image)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX node_image_image ON node_image (image);
          """)
    }
    migrator.registerMigration("2 responses") { db in
      try db.execute(
        sql: """
          ALTER TABLE node ADD COLUMN record TEXT;
          ALTER TABLE node ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
          """)
    }
    migrator.registerMigration("3 forgotten") { db in
      try db.execute(sql: "CREATE INDEX node_forgotten ON node (id) WHERE forgotten")
    }
    return migrator
  }
}
