"""``python -m sim`` is the command ``loadbank``."""

from sim.cli import main

if __name__ == "__main__":
    main()
