"""mord: a logistic model for classes that have an order."""

from automl.plugin import Algorithm, Float, hookimpl

ORDINAL = Algorithm.wrap(
    "ordinal_logit",
    classifier="mord:LogisticAT",
    weights=True,
    space={"alpha": Float(1e-3, 1e3, log=True)},
    starts=({"alpha": 1.0},),
)


@hookimpl
def automl_algorithms():
    return [ORDINAL]
