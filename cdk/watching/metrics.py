"""The metrics that the API and the promoter write to their logs in the embedded metric format (EMF).

CloudWatch makes metrics of such log lines by itself. Alarms and the dashboard read them under these names: the code
that writes them, in `lambda_app`, uses the same ones. Each has one dimension, `service`: `api` or `promoter`.

| metric | unit | written |
|---|---|---|
| Decode, Inference, Search, Total | Milliseconds | by a request: its decoding, forward pass, search, all of it |
| TopScore | None | by a search: the cosine of its first result |
| ColdStart | Count | once in the life of an instance, by its first request |
| Reloads | Count | when a release was swapped in |
| ReloadFailures | Count | when a release could not be loaded and the old one stays |
| Drops | Count | by the promoter, for every drop |
| RefusedDrops | Count | by the promoter: 1 for a drop that it refused, else 0 |
"""

NAMESPACE = "Lookalike"
DIMENSION = "service"
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
