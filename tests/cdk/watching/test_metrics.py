import re

from cdk.watching import metrics


def test_the_table_in_the_module_docstring_names_every_metric() -> None:
    named = re.findall(r"^\| ([\w, ]+?) \| (?:Milliseconds|None|Count) \|", str(metrics.__doc__), re.MULTILINE)
    constants = {value for name, value in vars(metrics).items() if name.isupper()}
    listed = {name for cell in named for name in cell.split(", ")}
    assert listed == constants - {metrics.NAMESPACE, metrics.DIMENSION, metrics.API, metrics.PROMOTER}
