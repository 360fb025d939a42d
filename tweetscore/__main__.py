"""``python -m tweetscore``: the command line."""

from tweetscore.cli.app import main

main()
