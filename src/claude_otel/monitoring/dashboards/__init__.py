"""The dashboards of Grafana, a module for each."""
