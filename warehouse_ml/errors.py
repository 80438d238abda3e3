"""Every error that warehouse_ml raises on purpose.

One base class, and a subclass per thing that the caller can do about it. A constructor takes
the facts and writes the sentence; the facts stay attributes.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches


def near_miss(name: str, known: Collection[str]) -> str:
    """A sentence that names the nearest of the known names, or nothing; it starts with a space."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def _listed(names: Collection[str], limit: int = 8) -> str:
    shown = [repr(name) for name in list(names)[:limit]]
    if len(names) > limit:
        shown.append(f"and {len(names) - limit} more")
    return ", ".join(shown)


class WarehouseMLError(Exception):
    """The base of every error of this package."""


class ArgumentError(WarehouseMLError, TypeError):
    """A method was given another kind of thing than it takes. It may hold a secret, so it is not repeated."""

    def __init__(self, method: str, argument: str, given: object, expected: str) -> None:
        self.argument = argument
        super().__init__(
            f"{method}({argument}=…) takes {expected}, not an object of {type(given).__name__!r}."
        )


class MissingDependencyError(WarehouseMLError):
    """A feature was asked for whose optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"This needs {package!r}, which is not installed: pip install 'warehouse-ml[{extra}]'"
        )


class TargetError(WarehouseMLError):
    """A session was asked for on something that is no database."""

    def __init__(self, target: object) -> None:
        self.target = target
        super().__init__(
            f"A session cannot be opened on {type(target).__name__!r}: give the path of a DuckDB file, "
            "a DuckDB connection, nothing for a database in memory, a Snowpark session, or "
            "'snowflake://' and a connection's name or URL."
        )


class DeviceError(WarehouseMLError):
    """A session or a version cannot score on the device that was asked for."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}. Without device='cuda', the session scores on the CPU.")


class SnowflakeTargetError(TargetError):
    """The URL of a Snowflake account cannot be read. It may hold a secret, so it is not repeated."""

    def __init__(self, reason: str) -> None:
        self.target = None
        WarehouseMLError.__init__(
            self,
            f"The snowflake:// target cannot be used: {reason}. Write snowflake://<name of a connection in "
            "connections.toml>, or snowflake://user@account/database/schema?warehouse=…&role=….",
        )


# --- names and the registry ---------------------------------------------------------------


class InvalidNameError(WarehouseMLError):
    """A model or alias name is not one that SQL can hold without quoting."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"{name!r} is not a valid {kind}: {reason}.")


class ModelNotFoundError(WarehouseMLError):
    """A query or a call names a model that the registry does not hold."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name
        hint = near_miss(name, known)
        if not hint and not known:
            hint = " No model is registered here."
        super().__init__(f"No model named {name!r}.{hint}")


class VersionNotFoundError(WarehouseMLError):
    """A selector names a version that the model does not have."""

    def __init__(self, name: str, selector: str, known: Collection[int]) -> None:
        self.name = name
        self.selector = selector
        has = f"It has {_listed([str(v) for v in known])}." if known else "It has none."
        super().__init__(f"Model {name!r} has no version {selector!r}. {has}")


class VersionNotYetError(VersionNotFoundError):
    """A selector names a moment at which the model had no version."""

    def __init__(self, name: str, selector: str, moment: datetime, first: datetime) -> None:
        self.name = name
        self.selector = selector
        self.moment = moment
        WarehouseMLError.__init__(
            self,
            f"Model {name!r} had no version at {moment} UTC. Its first one was registered at {first} UTC.",
        )


class AliasNotFoundError(WarehouseMLError):
    """A selector names an alias that the model does not have."""

    def __init__(self, name: str, alias: str, known: Collection[str]) -> None:
        self.name = name
        self.alias = alias
        hint = near_miss(alias, known)
        if not hint:
            hint = f" It has {_listed(known)}." if known else " It has no aliases yet."
        super().__init__(f"Model {name!r} has no alias {alias!r}.{hint}")


class RegistryError(WarehouseMLError):
    """The registry could not be read or written."""


class AliasInUseError(RegistryError):
    """A version cannot be dropped while an alias points to it."""

    def __init__(self, name: str, version: int, aliases: Collection[str]) -> None:
        self.name = name
        self.version = version
        self.aliases = tuple(aliases)
        super().__init__(
            f"'{name}@{version}' is what {_listed(aliases)} points to. Move or drop the alias first, or drop "
            "the whole model."
        )


class ReadOnlyError(RegistryError):
    """A registration was asked for on a database that is open read-only."""

    def __init__(self, action: str) -> None:
        super().__init__(f"The database is open read-only, so it cannot {action}. Open it for writing.")


class CorruptModelError(RegistryError):
    """The stored bytes of a version are not the ones that were registered."""

    def __init__(self, name: str, version: int, detail: str) -> None:
        self.name = name
        self.version = version
        super().__init__(
            f"The stored bytes of '{name}@{version}' are damaged ({detail}); it was not loaded. "
            "Register the model again or restore the database."
        )


class SignatureMismatchError(RegistryError):
    """The signature beside a model is not the one inside its file."""

    def __init__(self) -> None:
        super().__init__(
            "The stored signature of the model is not the one in its ONNX file; it was not loaded. "
            "Register the model again or restore the database."
        )


class FormatVersionError(RegistryError):
    """A model or a registry was written by a newer warehouse_ml."""

    def __init__(self, what: str, found: int, supported: int) -> None:
        self.found = found
        self.supported = supported
        super().__init__(
            f"{what} has format version {found}; this warehouse_ml reads up to {supported}. Upgrade it: "
            "pip install -U warehouse-ml"
        )


# --- deployment ----------------------------------------------------------------------------


class DeploymentError(WarehouseMLError):
    """A setting of a deployment is not of its form."""

    def __init__(self, setting: str, value: object, expected: str) -> None:
        self.setting = setting
        super().__init__(f"Deployment({setting}={value!r}) cannot be used: expected {expected}.")


class DeploymentRefusedError(RegistryError):
    """The warehouse refuses to make what a version needs; nothing of it is to be seen yet."""

    def __init__(self, reference: str, number: int | None, reason: str) -> None:
        self.reference = reference
        self.number = number
        advice = {
            2003: "Check the names of the database and the role, and that the role may use them.",
            3001: "The role needs USAGE on the database and the schema warehouse_ml, CREATE FUNCTION, READ "
            "and WRITE on the stage, and CREATE SCHEMA the first time.",
            100357: "Check that Deployment(packages=…) names onnxruntime, numpy and pandas, of versions that "
            "go with its runtime.",
            391546: "Check Deployment(packages=…, artifact_repository=…, runtime=…), and that the role may "
            "use the repository: GRANT DATABASE ROLE SNOWFLAKE.PYPI_REPOSITORY_USER.",
        }
        sentence = " ".join(reason.split())
        hint = advice.get(number or 0, "Once the cause is gone, push again: it goes on where it failed.")
        super().__init__(f"'{reference}' could not be deployed: {sentence} {hint}")


class VersionTakenError(RegistryError):
    """A version is pushed whose number another model file has there."""

    def __init__(self, reference: str, pushed: str, found: str, detail: str = "") -> None:
        self.reference = reference
        why = detail or f"the one there has SHA-256 {found[:12]}…, the one to push {pushed[:12]}…"
        super().__init__(
            f"'{reference}' exists in the target already: {why}. Nothing was changed. Register the model "
            "under another name, or push a version with a number of its own."
        )


class KeptDeploymentWarning(UserWarning):
    """A version is pushed again with another plan than at first; what is live is not changed."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(
            f"'{reference}' is live with other tensor operators for GPUs, or none; a live version is not "
            "changed. It scores as before. To have the new ones, register the model under another name."
        )


class StagedFileError(RegistryError):
    """A file of the stage is missing, or not the one that belongs there; such a file is never changed."""

    def __init__(self, path: str, detail: str) -> None:
        self.path = path
        super().__init__(f"The staged file '{path}' {detail}.")


# --- SQL -----------------------------------------------------------------------------------


class SqlError(WarehouseMLError):
    """A statement with a model call that cannot be compiled."""


class TranslationError(SqlError):
    """A statement holds what cannot be said in Snowflake's dialect."""

    def __init__(self, what: str, advice: str = "") -> None:
        self.what = what
        super().__init__(
            f"This has no translation to Snowflake's dialect: {what}.{' ' + advice if advice else ''}"
        )


class CallSyntaxError(SqlError):
    """A model call is not written as the grammar wants it."""

    def __init__(self, call: str, problem: str) -> None:
        self.call = call
        super().__init__(f"In {call}: {problem}.")


class ArityError(SqlError):
    """A positional call has another number of arguments than the model has features."""

    def __init__(self, model: str, features: Sequence[str], given: int) -> None:
        self.model = model
        self.features = tuple(features)
        self.given = given
        super().__init__(
            f"Model {model!r} takes {len(features)} feature{'s' * (len(features) != 1)} "
            f"({_listed(features, 12)}); the call gives {given}."
        )


class MissingFeatureError(SqlError):
    """A call by name does not provide a feature that the model needs."""

    def __init__(self, model: str, feature: str, columns: Collection[str]) -> None:
        self.model = model
        self.feature = feature
        hint = near_miss(feature, columns)
        if not hint and columns:
            hint = f" There is {_listed(columns, 12)}."
        super().__init__(f"Model {model!r} needs the feature {feature!r}, which is not in scope.{hint}")


class UnknownFeatureError(SqlError):
    """A call names a feature that the model does not have."""

    def __init__(self, model: str, feature: str, features: Collection[str]) -> None:
        self.model = model
        self.feature = feature
        hint = near_miss(feature, features) or f" It has {_listed(features, 12)}."
        super().__init__(f"Model {model!r} has no feature {feature!r}.{hint}")


class AmbiguousFeatureError(SqlError):
    """More than one column in scope could be the feature."""

    def __init__(self, model: str, feature: str, candidates: Collection[str]) -> None:
        self.model = model
        self.feature = feature
        super().__init__(
            f"The feature {feature!r} of model {model!r} is ambiguous: {_listed(candidates)} match. "
            "Name it in the call."
        )


class FeatureTypeError(SqlError):
    """A call gives a feature a type that is not losslessly the feature's own."""

    def __init__(self, model: str, feature: str, expected: str, given: str) -> None:
        self.model = model
        self.feature = feature
        self.expected = expected
        self.given = given
        super().__init__(
            f"The feature {feature!r} of model {model!r} is {expected}; the query gives {given}. "
            "Cast it in the query."
        )


class ScopeError(SqlError):
    """The engine cannot tell which columns are in scope of a call: a table does not exist, say."""

    def __init__(self, reason: str) -> None:
        # The engine goes on with a picture of the query that was asked, which the user did not write.
        self.reason = " ".join(reason.partition("\n\nLINE ")[0].split())
        super().__init__(f"The columns in scope of a model call cannot be found: {self.reason}")


class VersionGoneError(SqlError):
    """A view, a macro or a column calls the function of a version that no open database holds."""

    def __init__(self, function: str, reference: str) -> None:
        self.function = function
        self.reference = reference
        super().__init__(
            f"This calls {function!r}, the function of {reference!r}, which no open database holds: the "
            "version was dropped, or its database is not attached. Make the view, macro or column again "
            "with a version that is there."
        )


class MethodError(SqlError):
    """A model has no such method: PREDICT_PROBA of a regressor."""

    def __init__(self, model: str, method: str, task: str) -> None:
        self.model = model
        self.method = method
        super().__init__(f"Model {model!r} is a {task} model and has no {method}; use PREDICT.")


class ScoringError(WarehouseMLError):
    """A row cannot be scored: an unknown category that the estimator refuses, a NULL under policy `error`."""


class StatementInterruptedError(WarehouseMLError):
    """A statement was stopped by `Session.interrupt`."""

    def __init__(self) -> None:
        super().__init__("The statement was interrupted; it has changed nothing.")


# --- export and import ----------------------------------------------------------------------


class ExportError(WarehouseMLError):
    """An estimator cannot be exported."""


class NotFittedError(ExportError):
    """The estimator has not been fitted."""

    def __init__(self, estimator: str) -> None:
        super().__init__(f"{estimator} is not fitted; call fit before you register it.")


class UnsupportedStepError(ExportError):
    """A step of the estimator has no faithful form in ONNX."""

    def __init__(self, step: str, estimator: str, reason: str, advice: str = "") -> None:
        self.step = step
        self.estimator = estimator
        where = f"step {step!r} ({estimator})" if step else estimator
        super().__init__(f"Cannot export {where}: {reason}.{' ' + advice if advice else ''}")


class SampleError(ExportError):
    """The sample does not fit the estimator: empty, or other columns than it was fitted on."""


class ImportModelError(WarehouseMLError):
    """An ONNX file is not one that can be registered."""


class ParityError(WarehouseMLError):
    """A model does not score as its estimator does, so it is not registered or not deployed.

    Attributes:
        report: The `ParityReport` with the figures and the worst rows.
    """

    def __init__(self, message: str, report: object) -> None:
        self.report = report
        super().__init__(message)


class TrainError(WarehouseMLError):
    """A training query, target or estimator that do not go together."""


class UnknownRuleError(WarehouseMLError):
    """A rule of the optimizer is switched that does not exist."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name
        super().__init__(
            f"The optimizer has no rule {name!r}.{near_miss(name, known)} It has {_listed(known, 20)}."
        )


class RuleFailedWarning(RuntimeWarning):
    """A rule of the optimizer has a fault; the statement runs without it."""

    def __init__(self, rule: str, error: Exception) -> None:
        self.rule = rule
        super().__init__(
            f"The optimizer's rule {rule!r} failed ({type(error).__name__}: {error}) and was left out; the "
            f"answer is right all the same. session.optimizer.disable({rule!r}) switches it off."
        )
