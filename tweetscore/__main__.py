"""Run the command line with ``python -m tweetscore``."""

from tweetscore.cli.app import main

main()
