"""`python -m doorman`: the same as the command `doorman`."""

from doorman.main import main

if __name__ == "__main__":
    main()
