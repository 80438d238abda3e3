CREATE SERVICE IF NOT EXISTS warehouse_ml.scorer
IN COMPUTE POOL wml_gpus
FROM SPECIFICATION $$
spec:
  containers:
  - name: scorer
    image: "/shop/warehouse_ml/images/scorer:0.1.0"
    env:
      WML_MODELS: /models
      WML_SERVE: "churn/3/3333333333333333,price/1/1111111111111111"
      WML_DEVICE: cpu
      WML_PORT: "8000"
    readinessProbe:
      port: 8000
      path: /healthz
    resources:
      requests:
        cpu: 4
        memory: 16Gi
      limits:
        memory: 16Gi
    volumeMounts:
    - name: models
      mountPath: /models
  endpoints:
  - name: predict
    port: 8000
  volumes:
  - name: models
    source: stage
    stageConfig:
      name: "@warehouse_ml.artifacts/models"
$$
AUTO_RESUME = TRUE
MIN_INSTANCES = 1
MAX_INSTANCES = 1
COMMENT = 'warehouse_ml: churn@3, price@1'
