"""An exporter of models as one file that Python runs, and a reader of Weka's tables."""

from automl.plugin import Exporter, Reader, hookimpl
from automl_carry.arff import read_arff
from automl_carry.zipapp import export, load, refuses

AUTOML_CONTRACT = 1

ZIPAPP = Exporter(
    name="zipapp",
    export=export,
    load=load,
    refuses=refuses,
    tolerance=1e-9,
    description="One file, model.pyz: `python model.pyz rows.csv` prints the predictions.",
)

ARFF = Reader(name="arff", matches=lambda source: source.endswith(".arff"), read=read_arff)


@hookimpl
def automl_exporters():
    return [ZIPAPP]


@hookimpl
def automl_readers():
    return [ARFF]
