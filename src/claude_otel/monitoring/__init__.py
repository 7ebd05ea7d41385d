"""What is normal, as one file says it, made into recording rules, alerts, routes and dashboards."""
