"""The native stack: Collector, Prometheus, Alertmanager, and Tempo and Grafana where they are, as processes here."""
