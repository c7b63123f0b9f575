"""The `licodec` command."""
