"""scikit-lego: a Gaussian mixture for each class."""

from automl.plugin import Algorithm, Choice, Float, Int, hookimpl

MIXTURES = Algorithm.wrap(
    "class_mixtures",
    classifier="sklego.mixture:GMMClassifier",
    space={
        "n_components": Int(1, 5),
        "covariance_type": Choice("full", "tied", "diag", "spherical"),
        "reg_covar": Float(1e-6, 1.0, log=True),
    },
    starts=({"n_components": 1, "covariance_type": "diag", "reg_covar": 1e-3},),
)


@hookimpl
def automl_algorithms():
    return [MIXTURES]
