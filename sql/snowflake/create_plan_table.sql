-- How a version is scored fast. It is made from the version's ONNX bytes and can be made again.
CREATE TABLE IF NOT EXISTS {schema}.registry_plan (
    name VARCHAR NOT NULL,
    version NUMBER(38, 0) NOT NULL,
    facts VARCHAR NOT NULL,
    facts_sha256 VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    plan VARCHAR NOT NULL,
    plan_sha256 VARCHAR NOT NULL,
    plan_size NUMBER(38, 0) NOT NULL,
    PRIMARY KEY (name, version)
)
