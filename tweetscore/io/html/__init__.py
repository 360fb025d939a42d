"""What all our web pages share: their look, and tables whose texts stay text."""
