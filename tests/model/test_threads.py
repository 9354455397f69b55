"""A few rows are answered by the calling thread alone."""

from __future__ import annotations

from automl.model.threads import OneThread, one_thread


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
