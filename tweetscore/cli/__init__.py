"""The command line: one module a panel; every command parses, calls one function and prints."""
