DROP SERVICE IF EXISTS shop.warehouse_ml.scorer
