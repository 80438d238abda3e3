-- A service function knows no COPY GRANTS: grants are to be given again.
CREATE OR REPLACE FUNCTION {function}({arguments})
RETURNS {result}
CALLED ON NULL INPUT
IMMUTABLE
SERVICE = {service}
ENDPOINT = predict
COMMENT = {comment}
MAX_BATCH_ROWS = {max_batch_rows}
MAX_BATCH_RETRIES = {batch_retries}
ON_BATCH_FAILURE = ABORT
BATCH_TIMEOUT_SECS = {batch_timeout_seconds}
AS {path}
