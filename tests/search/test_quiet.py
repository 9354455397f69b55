"""Where candidates are fitted in the caller's process, what others warn of is not shown."""

from __future__ import annotations

import threading
import warnings

import pytest

from automl.errors import DataWarning
from automl.search.quiet import Quiet


@pytest.mark.parametrize("action", ["error", "always", "ignore"])
def test_only_our_own_warnings_are_shown(action):
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        before = list(warnings.filters)
        with Quiet():
            warnings.warn("theirs", UserWarning, stacklevel=1)
            try:
                warnings.warn(DataWarning("W_DATA_X", "ours"), stacklevel=1)
            except DataWarning as error:
                said.append(error)
        assert warnings.filters == before
    expected = {"error": (1, 0), "always": (0, 1), "ignore": (0, 0)}[action]
    assert (len(said), len(caught)) == expected


def test_a_filter_for_some_of_ours_holds():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "the second", DataWarning)
        with Quiet():
            warnings.warn(DataWarning("W_DATA_X", "the first"), stacklevel=1)
            with pytest.raises(DataWarning):
                warnings.warn(DataWarning("W_DATA_X", "the second"), stacklevel=1)


def test_filters_are_as_before_whichever_thread_leaves_last():
    one, inside, leave = Quiet(), threading.Event(), threading.Event()

    def other():
        with one:
            inside.set()
            leave.wait(60)

    before = list(warnings.filters)
    thread = threading.Thread(target=other)
    with one:
        thread.start()
        inside.wait(60)
    warnings.warn("still quiet", UserWarning, stacklevel=1)
    leave.set()
    thread.join()
    assert warnings.filters == before
    with pytest.raises(UserWarning):
        warnings.warn("not any more", UserWarning, stacklevel=1)
