"""`python -m telesphor`: the command line without its installed script."""

from telesphor.cli import main

if __name__ == "__main__":
    main()
