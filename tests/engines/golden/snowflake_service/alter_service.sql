ALTER SERVICE warehouse_ml.scorer FROM SPECIFICATION $$
spec:
  containers:
  - name: scorer
    image: "/shop/warehouse_ml/images/scorer:0.1.0"
    env:
      WML_MODELS: /models
      WML_SERVE: "churn/3/3333333333333333,price/1/1111111111111111"
      WML_DEVICE: cuda
      WML_PORT: "8000"
    readinessProbe:
      port: 8000
      path: /healthz
    resources:
      requests:
        cpu: 4
        memory: 16Gi
        nvidia.com/gpu: 1
      limits:
        memory: 16Gi
        nvidia.com/gpu: 1
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
