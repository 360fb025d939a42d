"""Score social-media archives against market minutes."""

__version__ = "0.1.0"
