"""`python -m warehouse_ml` is `wml`."""

from warehouse_ml.cli import main

if __name__ == "__main__":
    main()
