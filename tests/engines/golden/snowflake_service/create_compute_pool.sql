-- Idle nodes cost as much as busy ones: the pool suspends itself when no service runs on it.
CREATE COMPUTE POOL IF NOT EXISTS wml_gpus
MIN_NODES = 1
MAX_NODES = 4
INSTANCE_FAMILY = GPU_NV_S
AUTO_RESUME = TRUE
AUTO_SUSPEND_SECS = 600
COMMENT = 'warehouse_ml: GPUs that score'
