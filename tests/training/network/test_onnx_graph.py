import logging
import warnings

from training.network.onnx_graph import silence_libraries


def test_libraries_are_silent_only_inside_the_block(capsys, caplog):
    with silence_libraries():
        print("internals")
        logging.getLogger("any").warning("internals")
        warnings.warn("internals", stacklevel=1)
    logging.getLogger("any").warning("after")
    assert capsys.readouterr().out == ""
    assert [record.message for record in caplog.records] == ["after"]
