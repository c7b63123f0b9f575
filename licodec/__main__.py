"""`python -m licodec`: the same as the `licodec` command."""

from licodec.cli.main import main

main()
