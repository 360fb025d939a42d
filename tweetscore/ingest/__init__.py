"""From files to rows: where readers, clocks, the market and the store meet."""
