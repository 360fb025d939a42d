"""What the market did: sessions, windows, horizons, targets."""
