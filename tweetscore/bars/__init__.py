"""Minute bars: one module a layout, and the audit of their clock against the exchange calendar."""
