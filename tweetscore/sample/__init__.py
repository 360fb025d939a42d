"""A made-up archive and made-up bars with a planted signal."""
