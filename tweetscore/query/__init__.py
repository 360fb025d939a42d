"""Ask the database: statements and parameters enter, frames leave; nothing else can be reached."""
