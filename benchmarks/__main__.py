"""`python -m benchmarks`: every comparison in one run; `--help` says what can be chosen."""


def main() -> None:
    from benchmarks.threads import pin_threads

    pin_threads()
    # libraries read the number of threads when they are loaded, so they are loaded after it is set
    from benchmarks.run import run

    run()


if __name__ == "__main__":
    main()
