-- Files under a path are never changed and never removed while a version is live: its functions read them at every start.
CREATE STAGE IF NOT EXISTS {schema}.artifacts COMMENT = 'warehouse_ml: models and handlers, by version and digest'
