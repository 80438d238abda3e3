-- A model without versions, which is not there for anybody; the first one is counted like all others.
INSERT INTO registry_model VALUES ($1, 0, NULL, NULL, 0)
