"""`python -m stagewright` is the command line."""

from stagewright.cli.main import main

if __name__ == "__main__":
    main()
