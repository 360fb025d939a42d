"""What is broken, and what looks ahead: a database and models enter, verdicts leave."""
