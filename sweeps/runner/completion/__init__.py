"""Completion of command lines in bash and zsh."""
