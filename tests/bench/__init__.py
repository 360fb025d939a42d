"""Our way beside the others on one generated archive: ``just bench`` prints and writes it."""
