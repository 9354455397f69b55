"""glum: generalised linear models with elastic nets, made for large sparse tables."""

from automl.plugin import Algorithm, Choice, Float, hookimpl

GLM = Algorithm.wrap(
    "fast_glm",
    regressor="glum:GeneralizedLinearRegressor",
    accepts={"number", "sparse"},
    weights=True,
    space={
        "alpha": Float(1e-5, 1.0, log=True),
        "l1_ratio": Float(0.0, 1.0),
        "family": Choice("normal", "gamma", "poisson"),
    },
    starts=({"alpha": 1e-3, "l1_ratio": 0.0, "family": "normal"},),
    saved=("glum._distribution.NormalDistribution", "glum._link.IdentityLink"),
)


@hookimpl
def automl_algorithms():
    return [GLM]
