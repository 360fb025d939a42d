"""One HTML page of what a database holds and what its predictions are worth."""
