CREATE SERVICE IF NOT EXISTS shop.warehouse_ml.scorer
IN COMPUTE POOL wml_gpus
FROM SPECIFICATION $$
spec:
  containers:
  - name: scorer
    image: "/shop/warehouse_ml/images/scorer:0.1.0"
    env:
      WML_MODELS: /models
      WML_SERVE: "churn/3/3333333333333333,price/1/1111111111111111,iris/2/2222222222222222,wide/5/5555555555555555"
      WML_DEVICE: cuda
      WML_PORT: "8000"
    readinessProbe:
      port: 8000
      path: /healthz
    resources:
      requests:
        cpu: 4
        memory: 16Gi
        nvidia.com/gpu: 2
      limits:
        memory: 16Gi
        nvidia.com/gpu: 2
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
      name: "@shop.warehouse_ml.artifacts/models"
$$
AUTO_RESUME = TRUE
MIN_INSTANCES = 2
MAX_INSTANCES = 8
COMMENT = 'warehouse_ml: churn@3, price@1, iris@2, wide@5'
