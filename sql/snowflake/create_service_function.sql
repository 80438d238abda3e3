-- A service function knows no COPY GRANTS: after a replacement, grants are to be given again.
-- ABORT: with RETURN_NULL a batch that failed could not be told from rows without a score.
CREATE {or_replace}FUNCTION {function}({arguments})
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
