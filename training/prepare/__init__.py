"""The stage that makes a dataset from raw data: decodes photos, splits products, gives a reason per rejected row."""
