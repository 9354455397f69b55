"""gplearn: formulas found by genetic programming."""

from automl.plugin import Algorithm, Float, Int, hookimpl

FORMULAS = Algorithm.wrap(
    "formulas",
    classifier="gplearn.genetic:SymbolicClassifier",
    regressor="gplearn.genetic:SymbolicRegressor",
    space={
        "population_size": Int(100, 1000, log=True),
        "generations": Int(5, 20),
        "parsimony_coefficient": Float(1e-4, 1e-1, log=True),
    },
    starts=({"population_size": 200, "generations": 10},),
    saved=(
        "builtins.range",
        "gplearn._program._Program",
        "gplearn.fitness._Fitness",
        "gplearn.fitness._log_loss",
        "gplearn.functions._Function",
        "gplearn.functions._protected_division",
        "gplearn.functions._sigmoid",
    ),
)


@hookimpl
def automl_algorithms():
    return [FORMULAS]
