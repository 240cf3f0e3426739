"""`python -m neuroact` is `neuroact`."""

from neuroact.cli import main

if __name__ == "__main__":
    main()
