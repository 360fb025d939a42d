"""The local explorer: a page on loopback over one database, read-only, without a network."""
