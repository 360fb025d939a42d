"""Tables of every form: a file enters, its columns leave as strings, block by block."""
