"""Every error and warning, each with a stable code.

AutoMLError
+-- InputError (ValueError)       what the caller handed over: E_INPUT_*
|   +-- DataError                 the table or the target: E_DATA_*
|   +-- SchemaError               a table that breaks the schema at predict time: E_SCHEMA_*
+-- PluginError                   a contribution that breaks its contract: E_PLUGIN_*
+-- RunError (RuntimeError)       a run that cannot start, go on or be resumed: E_RUN_*
+-- BundleError (ValueError)      a saved model that cannot be written or trusted: E_BUNDLE_*
+-- ExportError (ValueError)      a model that cannot be exported, or would differ: E_EXPORT_*

AutoMLWarning (UserWarning)
+-- DataWarning                   something in the data was found and dealt with: W_DATA_*
+-- SchemaWarning                 a table was repaired at predict time: W_SCHEMA_*
+-- PluginWarning                 a plugin was skipped or switched off: W_PLUGIN_*
+-- RunWarning                    the run did less than was asked: W_RUN_*
+-- BundleWarning                 a saved model is not used as it was made: W_BUNDLE_*
"""


class AutoMLError(Exception):
    """Root of all errors that automl raises on purpose.

    Parameters
    ----------
    code : str
        Stable identifier such as ``"E_DATA_EMPTY"``; safe to match on.
    message : str
        What happened, where, and what was expected.
    remedy : str, default=""
        What the caller can do about it.
    """

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.remedy, f"[{self.code}]") if part)


class InputError(AutoMLError, ValueError):
    """What the caller handed over cannot be used."""


class DataError(InputError):
    """The table or the target cannot be learned from."""


class SchemaError(InputError):
    """A table to predict breaks the schema in a way that no documented rule repairs."""


class PluginError(AutoMLError):
    """A contribution breaks its contract, or two claim one name."""


class RunError(AutoMLError, RuntimeError):
    """A run cannot start, go on or be resumed."""


class BundleError(AutoMLError, ValueError):
    """A saved model cannot be written, or cannot be trusted."""


class ExportError(AutoMLError, ValueError):
    """A model cannot be taken out in another form, or would say something else there."""


class AutoMLWarning(UserWarning):
    """Root of all warnings that automl gives.

    Parameters
    ----------
    code : str
        Stable identifier such as ``"W_DATA_CONSTANT"``.
    message : str
        What was found and what was done about it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class DataWarning(AutoMLWarning):
    """Something in the data was found and dealt with."""


class SchemaWarning(AutoMLWarning):
    """A table was repaired at predict time."""


class PluginWarning(AutoMLWarning):
    """A plugin was skipped or switched off."""


class RunWarning(AutoMLWarning):
    """The run did less than was asked."""


class BundleWarning(AutoMLWarning):
    """A saved model is used otherwise than it was made."""
