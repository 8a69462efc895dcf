"""The metrics that the API and the promoter write to their logs in the embedded metric format (EMF).

CloudWatch turns such log lines into metrics. `lambda_app` writes them with the same names that alarms and the dashboard
use here. Each metric has two dimensions: `service` (`api` or `promoter`), and `stack` (the name of the CloudFormation
stack), so that the alarms of two stacks in one account and region do not go off for each other.

| metric | unit | written |
|---|---|---|
| Decode, Inference, Search, Total | Milliseconds | for each request: decoding, forward pass, search, whole request |
| TopScore | None | for each search: the cosine of its first result |
| ColdStart | Count | once per instance, with its first request |
| Reloads | Count | when a new release was loaded |
| ReloadFailures | Count | when a new release could not be loaded and the old one stays live |
| Drops | Count | for every drop, by the promoter |
| RefusedDrops | Count | for every drop, by the promoter: 1 if it refused the drop, else 0 |
| VectorSearchThrottled | Count | with search=s3vectors: a call that the vector index throttled is sent again |
| VectorSearchFailed | Count | with search=s3vectors: a search had no answer from the vector index |
"""

NAMESPACE = "Lookalike"
DIMENSION = "service"
STACK_DIMENSION = "stack"
API = "api"
PROMOTER = "promoter"

DECODE = "Decode"
INFERENCE = "Inference"
SEARCH = "Search"
TOTAL = "Total"
TOP_SCORE = "TopScore"
COLD_START = "ColdStart"
RELOADS = "Reloads"
RELOAD_FAILURES = "ReloadFailures"
DROPS = "Drops"
REFUSED_DROPS = "RefusedDrops"
VECTOR_SEARCH_THROTTLED = "VectorSearchThrottled"
VECTOR_SEARCH_FAILED = "VectorSearchFailed"
