-- How a version is scored fast. It is made from the version's ONNX bytes and can be made again.
CREATE TABLE IF NOT EXISTS registry_plan (
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    facts VARCHAR NOT NULL,
    facts_sha256 VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    plan BLOB NOT NULL,
    PRIMARY KEY (name, version)
)
