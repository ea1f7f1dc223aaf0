"""Errors that a person is meant to read and can mend."""


class FewmaskError(Exception):
    """A mistake that the user can mend. It names the file or key, what was found, and what to do.

    The command line prints it as one message without a traceback and exits with code 1.
    """


class ConfigError(FewmaskError):
    """A setting is missing, unknown, or of the wrong type or value."""
