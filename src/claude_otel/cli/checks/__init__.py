"""What `claude-otel doctor` looks at. A check is a function that returns its findings; it never raises."""
