"""The one kind of error a person is meant to read."""


class FewmaskError(Exception):
    """Something the user can mend: names the file or key, what was found, and what to do.

    The command line prints it as one message without a traceback and exits with code 1.
    """


class ConfigError(FewmaskError):
    """A setting is missing, unknown, or of the wrong type or value."""
