"""The `licodec` command, also as `python -m licodec`."""

import signal


def main() -> None:
    """Run the command line; Ctrl-C while its modules are imported ends the process silently."""
    is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_pythons:  # otherwise someone (nohup, a shell's &) has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from licodec.cli.main import main as run_and_exit

    if is_pythons:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_and_exit()


if __name__ == "__main__":
    main()
