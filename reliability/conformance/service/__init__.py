"""The service that the suite asks, its generated catalogue, and the answers that it must give."""
