"""The pool of processes: whatever a job does, it ends as a value, and nothing is left behind."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cloudpickle
import numpy as np
import psutil
import pytest

from automl.search.outcome import Reason
from automl.search.workers import Job, ProcessPool, SamePool

SLOWEST = 120.0
"""Seconds that a busy machine may take for what is done in one; what hangs does so for longer."""

LONG = 2 * SLOWEST

HERE = Path(__file__).parent
MB = 1 << 20

posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


@pytest.fixture(scope="module", autouse=True)
def toys():
    """Make the toy handlers importable, here and in the workers, and carry lambdas by value."""
    sys.path.insert(0, str(HERE))
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Two workers, shared by all tests that do not look at the pool itself."""
    folder = tmp_path_factory.mktemp("logs")
    with ProcessPool(size=2, handler="toy_handlers:Toy", argument=1, log_folder=folder) as made:
        yield made


@pytest.fixture
def make(tmp_path):
    pools = []

    def make(size=1, handler="toy_handlers:Toy", argument=1, **others):
        pools.append(
            ProcessPool(
                size=size, handler=handler, argument=argument, log_folder=tmp_path, **others
            )
        )
        return pools[-1]

    yield make
    for made in pools:
        made.close()


NUMBER = iter(range(1, 1_000_000))


def run(pool, payload, worker=None, **limits):
    """Run one job and return how it ended."""
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=payload, **limits), worker)
    found = pool.wait(SLOWEST)
    if not found:
        pool.cancel(number)
        found = pool.wait(SLOWEST)
    (ended,) = found
    assert ended.number == number
    return ended


def crash(pool, payload, **limits):
    ended = run(pool, payload, **limits)
    assert ended.crash is not None, ended
    assert ended.result is None
    return ended.crash


def eventually(condition, seconds=SLOWEST):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def alive(pid):
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def hold_interpreter(seconds):
    import toy_handlers

    toy_handlers.hold_interpreter(seconds)


def leave_kin(_):
    import toy_handlers

    return toy_handlers.leave_kin(_)


# Results


def test_results_come_back_with_their_numbers(pool):
    results = {}
    for round_ in range(20):
        for worker in pool.idle():
            number = next(NUMBER)
            results[number] = round_ * 10 + worker
            pool.submit(Job(number=number, payload=round_ * 10 + worker), worker)
        while len(pool.idle()) < pool.size:
            for ended in pool.wait(10):
                assert ended.crash is None
                assert ended.result == results.pop(ended.number)
                assert ended.result % 10 == ended.worker
    assert not results


def test_the_handler_is_made_once_with_the_argument_and_called_for_each_job(pool):
    assert run(pool, lambda argument: argument + 41).result == 42
    first = run(pool, lambda _: (os.getpid(), os.getppid()), worker=0).result
    again = run(pool, lambda _: (os.getpid(), os.getppid()), worker=0).result
    assert first == again
    assert first[0] != os.getpid()
    assert first[1] == os.getpid()


def test_large_values_go_both_ways(pool):
    values = np.arange(3_000_000, dtype=np.float64)
    ended = run(pool, lambda _: values * 2)
    np.testing.assert_array_equal(ended.result, values * 2)
    assert ended.peak > values.nbytes


def test_none_is_a_result(pool):
    ended = run(pool, lambda _: None)
    assert (ended.result, ended.crash) == (None, None)


def test_seconds_are_those_of_the_job(pool):
    assert 0.2 <= run(pool, lambda _: time.sleep(0.2)).seconds < SLOWEST


def test_a_worker_that_is_busy_takes_no_second_job(pool):
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=lambda _: time.sleep(0.2)), 1)
    assert pool.idle() == (0,)
    with pytest.raises(ValueError, match="No idle worker"):
        pool.submit(Job(number=-1, payload=1), 1)
    assert [ended.number for ended in pool.wait()] == [number]


def test_waiting_without_work_returns_at_once(pool):
    assert pool.wait() == []


def test_waiting_ends_with_its_timeout(pool):
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=lambda _: time.sleep(0.5)))
    assert pool.wait(0) == []
    assert pool.wait(0.05) == []
    assert [ended.number for ended in pool.wait()] == [number]


def test_the_pool_is_there_before_its_workers_and_its_argument(tmp_path):
    with ProcessPool(
        size=2, handler="toy_handlers:Toy", log_folder=tmp_path, preload=("json", "no.such")
    ) as pool:
        assert pool.idle() == (0, 1)
        pool.submit(Job(number=1, payload=lambda argument: argument), 1)
        assert pool.wait(0.1) == []
        pool.set_up("late")
        assert [ended.result for ended in pool.wait(SLOWEST)] == ["late"]


# Exceptions


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("cannot be shown")

    __repr__ = __str__


class Unpicklable(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class Bare(BaseException):
    pass


class HostileResult:
    """Is picklable, and raises when it is read."""

    def __reduce__(self):
        return int, ("no number",)


def dig(depth=0):
    return dig(depth + 1)


ERRORS = {
    "exception": (ValueError("no"), "ValueError: no"),
    "base": (Bare("bare"), "Bare: bare"),
    "interrupt": (KeyboardInterrupt(), "KeyboardInterrupt"),
    "exit": (SystemExit(0), "SystemExit: 0"),
    "generator": (GeneratorExit(), "GeneratorExit"),
    "stop": (StopIteration(3), "StopIteration: 3"),
    "warning": (DeprecationWarning("old"), "DeprecationWarning: old"),
    "unspeakable": (Unspeakable(), "Unspeakable: (it cannot be shown)"),
    "group": (ExceptionGroup("many", [OSError(1, "a")]), "ExceptionGroup: many (1 sub-exception)"),
    "lines": (ValueError("a\nb\r\tc"), "ValueError: a b c"),
    "surrogate": (ValueError("\ud800"), "ValueError: \\ud800"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_exception_is_a_crash_with_its_cause(pool, name):
    error, message = ERRORS[name]

    def fail(_):
        raise error

    found = crash(pool, fail)
    assert found.reason is Reason.EXCEPTION
    assert found.message == message
    if name != "unspeakable":
        assert "in fail" in found.detail


def test_an_exception_that_cannot_be_pickled_is_told(pool):
    def fail(_):
        raise Unpicklable

    assert crash(pool, fail).message == "Unpicklable: holds a lock"


def test_a_message_of_any_length_is_shortened(pool):
    def fail(_):
        raise ValueError("x" * 10_000_000)

    found = crash(pool, fail)
    assert found.message.startswith("ValueError: xxx")
    assert len(found.message) <= 1_000
    assert len(found.detail) <= 20_000


def test_a_recursion_without_end_is_a_crash(pool):
    assert crash(pool, lambda _: dig()).message.startswith("RecursionError")


def test_memory_that_nobody_has_is_a_crash_by_memory(pool):
    assert crash(pool, lambda _: bytearray(1 << 60)).reason is Reason.MEMORY


def test_a_missing_module_is_a_crash_by_import(pool):
    found = crash(pool, lambda _: __import__("no_such_module"))
    assert found.reason is Reason.IMPORT
    assert "no_such_module" in found.message


@pytest.mark.parametrize(
    "payload",
    [lambda _: lambda: 1, lambda _: threading.Lock(), lambda _: (i for i in ()), HostileResult],
    ids=["lambda", "lock", "generator", "hostile"],
)
def test_a_result_that_cannot_be_carried_is_a_crash(pool, payload):
    assert crash(pool, lambda _: payload(1)).reason is Reason.EXCEPTION


def test_a_payload_that_cannot_be_carried_is_a_crash(pool):
    assert crash(pool, threading.Lock()).reason is Reason.EXCEPTION
    assert run(pool, 1).result == 1


def test_a_payload_that_cannot_be_read_is_a_crash(pool):
    assert "no number" in crash(pool, HostileResult()).message
    assert run(pool, 1).result == 1


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1), KeyboardInterrupt()])
def test_a_handler_that_cannot_be_made_answers_each_job(make, error):
    def fail():
        raise error

    pool = make(argument=fail)
    for _ in range(2):
        found = crash(pool, 1)
        assert found.reason is Reason.IMPORT
        assert type(error).__name__ in found.message


@pytest.mark.parametrize("handler", ["no_such_module:Toy", "toy_handlers:No", "toy_handlers"])
def test_a_handler_that_cannot_be_found_answers_each_job(make, handler):
    assert crash(make(handler=handler), 1).reason is Reason.IMPORT


def test_a_worker_that_never_starts_is_given_up(make):
    pool = make(handler="toy_handlers:DiesAtStart")
    for _ in range(2):
        found = crash(pool, 1)
        assert found.reason is Reason.IMPORT
        assert "exit code 3 while it started" in found.message
        assert "last words" in found.detail


def test_no_interpreter_is_an_answer_too(make, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(HERE / "no_python"))
    found = crash(make(), 1)
    assert found.reason is Reason.IMPORT
    assert "no_python" in found.message


# Deaths


def leave_exit_code(_):
    os._exit(0)


DEATHS = {
    "segfault": (lambda _: ctypes.string_at(0), "SIGSEGV"),
    "abort": (lambda _: os.abort(), "SIGABRT"),
    "silent": (leave_exit_code, "exit code 0"),
    "kill": (lambda _: os.kill(os.getpid(), signal.SIGKILL), "SIGKILL"),
    "term": (lambda _: os.kill(os.getpid(), signal.SIGTERM), "SIGTERM"),
    "group": (lambda _: os.killpg(0, signal.SIGKILL), "SIGKILL"),
    "closed": (lambda _: os.closerange(3, 1000) or time.sleep(LONG), "closed its channel"),
}


@posix
@pytest.mark.parametrize("name", DEATHS)
def test_a_death_is_a_crash_and_the_next_job_has_a_fresh_worker(pool, name):
    payload, message = DEATHS[name]
    before = run(pool, lambda _: os.getpid(), worker=0).result
    ended = run(pool, payload, worker=0)
    assert ended.crash.reason is Reason.KILLED
    assert message in ended.crash.message
    assert run(pool, lambda _: os.getpid(), worker=0).result != before
    assert not alive(before)


@posix
def test_a_fork_that_a_worker_leaves_does_not_hide_its_death(pool):
    def leave(_):
        if os.fork() == 0:
            time.sleep(LONG)
        os._exit(0)

    ended = run(pool, leave)
    assert ended.crash.reason is Reason.KILLED
    assert ended.seconds < SLOWEST


@posix
def test_a_crash_in_c_shows_where(pool):
    assert "Segmentation fault" in crash(pool, lambda _: ctypes.string_at(0)).detail


@pytest.mark.case("F02", "its job is `killed`, and a fresh worker takes the next one")
@posix
def test_a_stranger_that_kills_workers_does_not_hurt(pool):
    pid = run(pool, lambda _: os.getpid(), worker=1).result
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not psutil.pid_exists(pid))
    assert run(pool, 1, worker=1).result == 1
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=lambda _: time.sleep(LONG)), 1)
    pid = max(child.pid for child in workers_of(os.getpid()))
    for child in workers_of(os.getpid()):
        child.kill()
    (ended,) = pool.wait(SLOWEST)
    assert ended.crash.reason is Reason.KILLED


def workers_of(pid):
    """Return the worker processes of a process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            if "automl.search.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


@posix
def test_garbage_on_the_channel_is_a_death(pool):
    def babble(_):
        for fd in range(3, 256):
            with suppress(OSError):
                socket.socket(fileno=os.dup(fd)).send(b"\xff" * 1000)
        time.sleep(LONG)

    assert crash(pool, babble, limit=SLOWEST).reason is Reason.KILLED
    assert run(pool, 1).result == 1


@posix
def test_an_answer_that_makes_no_sense_is_a_death(pool):
    def lie(_):
        from automl.search.channel import Channel

        for fd in range(3, 256):
            with suppress(OSError):
                Channel(socket.socket(fileno=os.dup(fd))).send("no", "sense")
        time.sleep(LONG)

    assert crash(pool, lie, limit=SLOWEST).reason is Reason.KILLED
    assert run(pool, 1).result == 1


# Limits


def ignore_and_sleep(_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(LONG)


HANGS = {
    "sleep": lambda _: time.sleep(LONG),
    "loop": lambda _: sum(range(10**12)),
    "interpreter": lambda _: hold_interpreter(int(LONG)),
    "lock": lambda _: threading.Semaphore(0).acquire(),
    "deaf": ignore_and_sleep,
    "stopped": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
}


@pytest.mark.case(
    "F05", "asleep, in a loop, a C call, on a lock, stopped or deaf: killed at its limit"
)
@posix
@pytest.mark.parametrize("name", HANGS)
def test_a_job_out_of_time_is_killed_at_its_limit(pool, name, soon):
    run(pool, 1)
    start = time.monotonic()
    found = crash(pool, HANGS[name], limit=0.3)
    assert found.reason is Reason.TIMEOUT
    assert 0.3 <= time.monotonic() - start < soon(1.5)


def test_the_limit_runs_from_the_moment_a_worker_has_the_job(make):
    pool = make(argument=lambda: time.sleep(2.5))
    assert run(pool, 1, limit=2).result == 1


def test_a_worker_that_hangs_while_it_starts_is_given_up(make):
    pool = make(argument=lambda: time.sleep(LONG), start_limit=0.5)
    found = crash(pool, 1)
    assert found.reason is Reason.IMPORT
    assert "did not start in 0.5 seconds" in found.message


@pytest.mark.slow
def test_waiting_for_the_argument_is_no_slow_start(tmp_path):
    with ProcessPool(
        size=1, handler="toy_handlers:Toy", log_folder=tmp_path, start_limit=10
    ) as pool:
        time.sleep(11)
        pool.set_up(1)
        assert run(pool, 1).result == 1


def test_a_worker_that_keeps_much_memory_is_replaced_after_its_job(make):
    pool = make(at_rest=100 * MB)

    def keep(_):
        sys.kept = b"x" * (150 * MB)
        return os.getpid()

    first = run(pool, lambda _: os.getpid()).result
    ended = run(pool, keep)
    assert ended.result == first
    assert run(pool, lambda _: os.getpid()).result != first


def test_a_result_that_is_there_at_the_limit_is_kept(pool):
    run(pool, 1)
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=lambda _: time.sleep(0.3), limit=1))
    time.sleep(0.1)
    hold_interpreter(2.5)  # nobody here can look at the clock meanwhile
    (ended,) = pool.wait(SLOWEST)
    assert ended.crash is None


def test_input_finds_nothing_to_read(pool):
    assert crash(pool, lambda _: input(), limit=SLOWEST).message.startswith("EOFError")


def slow_bomb(_):
    held = []
    for _ in range(1_500):
        held.append(b"x" * MB)
        time.sleep(0.003)


def child_bomb(_):
    code = "held = [b'x' * (1 << 20) for _ in range(400)]; import time; time.sleep(240)"
    subprocess.run([sys.executable, "-c", code], check=False)


@posix
@pytest.mark.parametrize("bomb", [slow_bomb, child_bomb], ids=["slow", "child"])
def test_a_job_with_too_much_memory_is_killed(pool, bomb):
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=bomb, memory=200 * MB, limit=SLOWEST))
    (ended,) = pool.wait(LONG)
    assert ended.crash.reason is Reason.MEMORY
    assert 200 * MB < ended.peak < 1_000 * MB


def test_mapped_data_is_not_memory_that_a_worker_holds(pool, tmp_path):
    np.save(tmp_path / "data.npy", np.ones(30_000_000))

    def read(_):
        sys.kept = np.load(tmp_path / "data.npy", mmap_mode="r")
        total = float(sys.kept.sum())
        time.sleep(0.3)
        return total

    if sys.platform == "linux":
        ended = run(pool, read, memory=150 * MB)
        assert ended.result == 30_000_000
        assert ended.peak < 150 * MB


@posix
def test_memory_that_forks_share_counts_once(pool):
    def fork(_):
        held = bytearray(random.randbytes(MB) * 100)
        children = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                time.sleep(0.5)
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        return len(held)

    if sys.platform == "linux":
        assert run(pool, fork, memory=300 * MB).result == 100 * MB


def test_the_peak_is_that_of_the_job_alone(pool):
    large = run(pool, lambda _: len(bytearray(100 * MB)), worker=0)
    small = run(pool, lambda _: 1, worker=0)
    if sys.platform == "linux":
        assert large.peak > 100 * MB
        assert small.peak < 60 * MB


# Cancelling and closing


def test_a_cancelled_job_ends_as_interrupted(pool):
    run(pool, 1)
    number = next(NUMBER)
    pool.submit(Job(number=number, payload=lambda _: time.sleep(LONG)))
    assert pool.wait(0.1) == []
    pool.cancel(number)
    (ended,) = pool.wait(SLOWEST)
    assert ended.crash.reason is Reason.INTERRUPTED
    pool.cancel(number)
    pool.cancel(-1)
    assert run(pool, 1).result == 1


def test_a_job_that_no_worker_has_yet_is_cancelled_without_a_kill(make):
    pool = make(argument=lambda: time.sleep(0.5) or os.getpid())
    pool.submit(Job(number=1, payload=1))
    pool.cancel(1)
    (ended,) = pool.wait(0)
    assert ended.crash.reason is Reason.INTERRUPTED
    assert run(pool, 2).result == 2


@posix
def test_kin_of_a_worker_go_with_it(pool):
    kin = run(pool, leave_kin, worker=0).result
    assert all(map(alive, kin))
    assert run(pool, lambda _: time.sleep(LONG), worker=0, limit=0.1).crash is not None
    assert eventually(lambda: not any(map(alive, kin)))


@posix
def test_kin_of_a_worker_that_died_by_itself_go_as_well(pool, tmp_path):
    log = tmp_path / "kin"

    def leave(_):
        log.write_text(" ".join(map(str, leave_kin(_))))
        os._exit(1)

    assert crash(pool, leave).reason is Reason.KILLED
    kin = [int(pid) for pid in log.read_text().split()]
    assert len(kin) == 3
    if sys.platform == "linux":
        assert eventually(lambda: not any(map(alive, kin)))


def family():
    return {child.pid for child in psutil.Process().children(recursive=True)}


def count_fds():
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


@pytest.mark.parametrize("state", ["starting", "idle", "busy", "deaf", "holding", "dead"])
def test_nothing_is_left_after_closing(tmp_path, state, soon):
    gc.collect()
    threads, fds, others = threading.active_count(), count_fds(), family()
    workers = range(2 if state == "busy" else 1)
    pool = ProcessPool(
        size=len(workers), handler="toy_handlers:Toy", argument=1, log_folder=tmp_path
    )
    if state != "starting":
        for worker in workers:
            run(pool, 1, worker)
    work = {
        "busy": lambda _: time.sleep(LONG),
        "deaf": ignore_and_sleep,
        "holding": lambda _: hold_interpreter(int(LONG)),
        "dead": lambda _: os._exit(0),
    }
    if state in work:
        for worker in workers:
            pool.submit(Job(number=worker, payload=work[state]), worker)
        time.sleep(0.1)
    mine = family() - others
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < soon(0.6)
    pool.close()
    assert threading.active_count() == threads
    assert count_fds() == fds
    assert not any(map(psutil.pid_exists, mine))
    assert pool.idle() == ()
    assert pool.wait() == []
    with pytest.raises(ValueError, match="No idle worker"):
        pool.submit(Job(number=9, payload=1))


def test_an_exception_in_the_caller_closes_the_pool(tmp_path):
    before = len(workers_of(os.getpid()))

    def fail():
        with ProcessPool(
            size=1, handler="toy_handlers:Toy", argument=1, log_folder=tmp_path
        ) as pool:
            pool.submit(Job(number=1, payload=lambda _: time.sleep(LONG)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert len(workers_of(os.getpid())) == before


def test_a_forgotten_pool_closes_itself(tmp_path):
    before = threading.active_count()
    pool = ProcessPool(size=1, handler="toy_handlers:Toy", argument=1, log_folder=tmp_path)
    run(pool, 1)
    del pool
    gc.collect()
    assert threading.active_count() == before


def test_closing_in_the_middle_of_wait_ends_the_waiting(make):
    pool = make()
    pool.submit(Job(number=1, payload=lambda _: time.sleep(LONG)))
    threading.Timer(0.3, pool.close).start()
    assert pool.wait() == []


# Surroundings


@pytest.mark.case(
    "F24", "threads times workers are never more than the cores, whatever OMP_NUM_THREADS says"
)
def test_numerical_libraries_in_a_worker_get_their_threads(make):
    pool = make(threads=3)
    before = dict(os.environ)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    assert run(pool, lambda _: [os.environ[name] for name in names]).result == ["3"] * 4
    assert dict(os.environ) == before


@pytest.mark.case("F14", "a log of at most 1 MB takes it")
def test_a_flood_of_output_neither_fills_the_disk_nor_blocks(make, tmp_path):
    pool = make()

    def flood(_):
        sys.stdout.write("begin\n")
        for _ in range(300):
            os.write(1, b"x" * 100_000)
            sys.stderr.write("y" * 1_000)
        return "done"

    assert run(pool, flood).result == "done"
    log = tmp_path / "worker-0.log"
    assert log.read_bytes().startswith(b"begin")
    assert eventually(lambda: log.stat().st_size <= 1_000_000)


def test_a_folder_that_is_gone_costs_the_log_only(tmp_path):
    folder = tmp_path / "no" / "such"
    with ProcessPool(size=1, handler="toy_handlers:Toy", argument=1, log_folder=folder) as pool:
        assert run(pool, lambda _: print("lost")).crash is None


@pytest.mark.case("F11", "what a job changed in its worker is put back before the next one")
def test_a_job_leaves_no_traces_for_the_next(make, tmp_path):
    pool = make()

    def look(_):
        handler = signal.getsignal(signal.SIGTERM)
        return (
            os.getcwd(), os.environ.get("TRACE"), list(sys.path), sys.getrecursionlimit(),
            len(warnings.filters), handler, sys.stdout.name,
        )  # fmt: skip

    def spoil(_):
        os.chdir(tmp_path)
        os.environ["TRACE"] = "x"
        sys.path.insert(0, "/trace")
        sys.setrecursionlimit(70)
        warnings.simplefilter("error")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        sys.stdout = None

    before = run(pool, look).result
    assert run(pool, spoil).crash is None
    time.sleep(0.3)
    assert run(pool, look).result == before


def test_a_warning_in_a_worker_is_never_an_error(make, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert run(make(), lambda _: warnings.warn("x", stacklevel=1)).crash is None


def test_hashes_are_the_same_in_all_workers(make, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    first, second = (run(make(), lambda _: hash("seed")).result for _ in range(2))
    assert first == second


@posix
def test_the_terminal_of_the_caller_does_not_reach_the_workers(pool):
    own = run(pool, lambda _: (os.getsid(0), os.getpgrp(), os.getpid())).result
    assert own[0] == own[1] == own[2] != os.getpid()


@posix
def test_a_fork_of_the_caller_does_not_end_the_workers(pool):
    pid = run(pool, lambda _: os.getpid(), worker=0).result
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        fork = os.fork()
    if fork == 0:
        pool._finalizer()
        os._exit(0)
    os.waitpid(fork, 0)
    assert run(pool, lambda _: os.getpid(), worker=0).result == pid


# Callers


def test_a_pool_outlives_the_thread_that_made_it(tmp_path):
    def make():
        pool = ProcessPool(size=1, handler="toy_handlers:Toy", argument=1, log_folder=tmp_path)
        return pool, run(pool, lambda _: os.getpid()).result

    with ThreadPoolExecutor(1) as threads:
        pool, pid = threads.submit(make).result()
    with pool:
        time.sleep(0.3)
        assert run(pool, lambda _: os.getpid()).result == pid


def test_several_threads_may_use_one_pool(make):
    pool = make(size=2)
    seen = set()

    def use(worker):
        for i in range(50):
            number = worker * 1_000 + i
            pool.submit(Job(number=number, payload=number), worker)
            while worker not in pool.idle():
                for ended in pool.wait(0.05):
                    seen.add((ended.number, ended.result))

    threads = [threading.Thread(target=use, args=(worker,)) for worker in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen |= {(ended.number, ended.result) for ended in pool.wait(1)}
    assert seen == {(n, n) for w in (0, 1) for n in range(w * 1_000, w * 1_000 + 50)}


SCRIPT = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
print("main runs", flush=True)
from automl.search.workers import Job, ProcessPool
import toy_handlers

class Local:
    value = 5

pool = ProcessPool(size=2, handler="toy_handlers:Toy", argument=Local, log_folder=Path({folder!r}))
"""


@pytest.fixture
def script(tmp_path):
    """Start programs that make a pool, and end them where they do not end."""
    ends = []

    def script(rest):
        path = tmp_path / "program.py"
        text = SCRIPT.format(here=str(HERE), folder=str(tmp_path)) + textwrap.dedent(rest)
        path.write_text(text, encoding="utf-8")
        program = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(SLOWEST, program.kill)
        timer.start()
        ends.append((program, timer))
        return program

    yield script
    for program, timer in ends:
        timer.cancel()
        timer.join()
        program.kill()
        program.wait()
        program.stdout.close()


@pytest.mark.case("F26", "a script needs no guard: workers never run the main module")
@pytest.mark.parametrize("end", ["", "pool.close()", "sys.exit(0)", "del pool"])
def test_a_program_needs_no_main_guard_and_leaves_nothing(script, end, soon):
    rest = """
    pool.submit(Job(number=1, payload=lambda made: (made.value, os.getpid())))
    value, pid = pool.wait()[0].result
    print(value, pid, flush=True)
    """
    program = script(textwrap.dedent(rest) + end)
    said, _ = program.communicate(timeout=LONG)
    assert program.returncode == 0
    lines = said.split("\n")
    assert lines[0] == "main runs"
    value, pid = lines[1].split()
    assert value == "5"
    assert lines[2:] == [""]
    assert eventually(lambda: not alive(int(pid)), soon(2))


PARENT = """
pool.submit(Job(number=1, payload=lambda _: os.getpid()), 0)
pool.submit(Job(number=2, payload=lambda _: os.getpid()), 1)
pids = []
while len(pids) < 2:
    pids += [ended.result for ended in pool.wait()]
{work}
time.sleep(0.3)
print(*pids, flush=True)
time.sleep(240)
"""

WORK = {
    "idle": "",
    "sleeping": "pool.submit(Job(number=3, payload=lambda _: time.sleep(240)))",
    "holding": "pool.submit(Job(number=3, payload=lambda _: toy_handlers.hold_interpreter(240)))",
    "kin": "pool.submit(Job(number=3, payload=toy_handlers.leave_kin)); "
    "pids += pool.wait()[0].result",
}


@pytest.mark.case(
    "F03", "all workers and their kin are gone within 2 s, also while a C call holds one"
)
@posix
@pytest.mark.parametrize("name", WORK)
def test_workers_die_with_their_parent(script, name, soon):
    program = script(PARENT.format(work=WORK[name]))
    assert program.stdout.readline() == "main runs\n"
    pids = [int(pid) for pid in program.stdout.readline().split()]
    tree = [child.pid for child in psutil.Process(program.pid).children(recursive=True)]
    assert {*pids[:2]} <= {*tree}
    assert all(map(alive, pids))
    program.kill()
    program.communicate()
    assert eventually(lambda: not any(map(alive, {*tree, *pids})), soon(2))


@posix
def test_workers_die_when_their_parent_is_killed_while_they_start(script, soon):
    for pause in (0.0, 0.05, 0.15):
        program = script("print('made', flush=True); time.sleep(240)")
        assert program.stdout.readline() == "main runs\n"
        assert program.stdout.readline() == "made\n"
        time.sleep(pause)
        tree = psutil.Process(program.pid).children(recursive=True)
        program.kill()
        program.communicate()
        assert eventually(lambda: not any(alive(p.pid) for p in tree), soon(2))  # noqa: B023
        assert not (set(psutil.pids()) & {p.pid for p in tree if p.is_running() and alive(p.pid)})


# The same in this process


@pytest.fixture
def same():
    with SamePool("toy_handlers:Toy", 1) as pool:
        yield pool


def test_the_same_pool_gives_the_same_values(same):
    ended = run(same, lambda argument: (argument, os.getpid()))
    assert ended.result == (1, os.getpid())
    assert ended.worker == 0
    assert same.wait() == []


@pytest.mark.parametrize("name", sorted(set(ERRORS) - {"interrupt"}))
def test_the_same_pool_tells_the_same_of_an_exception(same, pool, name):
    error, message = ERRORS[name]

    def fail(_):
        raise error

    here, there = crash(same, fail), crash(pool, fail)
    assert (here.reason, here.message) == (there.reason, there.message)
    assert here.message == message


def test_the_same_pool_lets_ctrl_c_through(same):
    def interrupt(_):
        raise KeyboardInterrupt

    same.submit(Job(number=1, payload=interrupt))
    with pytest.raises(KeyboardInterrupt):
        same.wait()
    assert run(same, 2).result == 2


def test_the_same_pool_is_set_up_late_and_cancels_what_waits():
    with SamePool("toy_handlers:Toy") as pool:
        pool.set_up("late")
        pool.submit(Job(number=1, payload=lambda argument: argument))
        assert pool.idle() == ()
        with pytest.raises(ValueError, match="No idle worker"):
            pool.submit(Job(number=2, payload=1))
        pool.cancel(1)
        assert pool.wait()[0].crash.reason is Reason.INTERRUPTED
        assert run(pool, lambda argument: argument).result == "late"


def test_the_same_pool_answers_for_a_handler_that_cannot_be_made():
    with SamePool("no_such_module:Toy", 1) as pool:
        assert crash(pool, 1).reason is Reason.IMPORT
