"""The `licodec` command, also as `python -m licodec`."""

import os
import signal


def main() -> None:
    """Run the command line; Ctrl-C while its modules are imported ends the process silently."""
    # Read when torch is imported. Its threads spin while they wait for each other: where another
    # process has one of their cores, that takes ten times as long as the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_pythons:  # otherwise someone (nohup, a shell's &) has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from licodec.cli.main import main as run_and_exit

    if is_pythons:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_and_exit()


if __name__ == "__main__":
    main()
