-- Idle nodes cost as much as busy ones: the pool suspends itself when no service runs on it.
CREATE COMPUTE POOL IF NOT EXISTS {pool}
MIN_NODES = {min_nodes}
MAX_NODES = {max_nodes}
INSTANCE_FAMILY = {family}
AUTO_RESUME = TRUE
AUTO_SUSPEND_SECS = {suspend_seconds}
COMMENT = 'warehouse_ml: nodes that score'
