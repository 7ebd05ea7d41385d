"""`python -m claude_otel`: the same as the command `claude-otel`."""

from claude_otel.cli.main import main

if __name__ == "__main__":
    main()
