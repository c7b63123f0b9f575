"""The `licodec` command: arguments go in; files, lines and exit codes come out."""
