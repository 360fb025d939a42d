"""``python -m tweetscore``: the command line."""

from tweetscore.cli import main

main()
