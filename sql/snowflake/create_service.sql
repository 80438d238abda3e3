CREATE SERVICE IF NOT EXISTS {service}
IN COMPUTE POOL {pool}
FROM SPECIFICATION $$
{specification}
$$
AUTO_RESUME = TRUE
MIN_INSTANCES = {min_instances}
MAX_INSTANCES = {max_instances}
COMMENT = {comment}
