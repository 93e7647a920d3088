"""One module a command; `hebraud.cli.registry` finds it by its file, no list names it."""
