"""A few rows are answered by the calling thread alone."""

from __future__ import annotations

import threading

from automl.model.threads import OneThread, in_threads, one_thread


def test_openmp_has_one_thread_inside_and_as_many_as_before_afterwards():
    import sklearn.ensemble  # noqa: F401 - it brings OpenMP
    from threadpoolctl import threadpool_info, threadpool_limits

    def numbers():
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp"}

    alone = OneThread()
    with threadpool_limits(2, user_api="openmp"):
        for held in (alone, alone, one_thread):
            with held():
                assert numbers() == {1}
            assert numbers() == {2}


def test_items_are_shared_out_in_their_order(monkeypatch):
    monkeypatch.setattr("automl.search.cores.cores", lambda: 3)
    for asked, most in (("", 3), ("2", 2), ("1", 1), ("many", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        together = threading.Barrier(most)

        def work(item, together=together):
            together.wait(timeout=10)
            return item, threading.get_ident()

        found = in_threads(work, range(6))
        assert [item for item, _ in found] == list(range(6))
        assert len({thread for _, thread in found}) == most
