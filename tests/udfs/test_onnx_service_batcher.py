import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handlers import ScoringError
from warehouse_ml.engines.handler_files import load_handler

Batcher = load_handler("service_batcher").Batcher


def doubled(columns):
    """Twice the values; a negative one cannot be scored."""
    values, missing = columns[0]
    if (values < 0).any():
        raise ScoringError(f"{values.min()} is negative")
    return [(values * 2, missing)]


def batched(requests, *, rows: int = 1000, delay: float = 0.02, score=doubled):
    """The result, or the error, of each request, and the sizes of the runs."""
    sizes: list[int] = []

    async def all_of_them(executor):
        batcher = Batcher(score, executor, rows, delay, sizes.append)
        submitted = [batcher.submit([column], len(column[0])) for column in requests]
        results = await asyncio.gather(*submitted, return_exceptions=True)
        await batcher.close()
        return results

    with ThreadPoolExecutor(1) as executor:
        return asyncio.run(all_of_them(executor)), sizes


def column(*values, missing=None):
    return np.array(values, dtype=float), None if missing is None else np.array(missing)


def test_requests_that_come_together_are_scored_together():
    results, sizes = batched([column(1, 2), column(), column(3)])
    assert [result[0][0].tolist() for result in results] == [[2, 4], [], [6]]
    assert sizes == [3]


def test_a_full_batch_waits_for_no_more():
    results, sizes = batched([column(1, 2), column(3), column(4)], rows=3, delay=0.3)
    assert [result[0][0].tolist() for result in results] == [[2, 4], [6], [8]]
    assert sizes == [3, 1]


def test_a_request_beyond_a_batch_is_scored_alone():
    results, sizes = batched([column(1), column(*range(9)), column(2)], rows=4)
    assert results[1][0][0].tolist() == [2 * value for value in range(9)]
    assert sizes == [1, 9, 1]


def test_a_refused_row_harms_its_own_request_alone():
    results, sizes = batched([column(1), column(-2), column(3)])
    assert isinstance(results[1], ScoringError)
    assert [results[0][0][0].tolist(), results[2][0][0].tolist()] == [[2], [6]]
    assert sizes == [3]


def test_masks_are_joined_and_parted():
    results, _ = batched([column(1, 2, missing=[False, True]), column(3)])
    assert [result[0][1].tolist() for result in results] == [[False, True], [False]]


def test_an_error_of_the_engine_reaches_all_and_the_next_run_is_none_the_worse():
    fails = iter([True, False])

    def score(columns):
        if next(fails):
            raise RuntimeError("out of memory")
        return doubled(columns)

    results, sizes = batched([column(1), column(2), column(3, 4)], rows=2, score=score)
    assert [str(result) for result in results[:2]] == ["out of memory"] * 2
    assert results[2][0][0].tolist() == [6, 8]
    assert sizes == [2, 2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=12), st.integers(1, 12))
def test_each_request_gets_its_own_rows(requests, rows):
    results, sizes = batched([column(*values) for values in requests], rows=rows, delay=0)
    assert [result[0][0].tolist() for result in results] == [[2 * v for v in values] for values in requests]
    assert sum(sizes) == sum(map(len, requests))


@pytest.mark.parametrize("delay", [0, 0.05])
def test_a_lone_request_waits_no_longer_than_the_delay(delay):
    async def timed(executor):
        batcher = Batcher(doubled, executor, 100, delay)
        loop = asyncio.get_running_loop()
        start = loop.time()
        await batcher.submit([column(1)], 1)
        await batcher.close()
        return loop.time() - start

    with ThreadPoolExecutor(1) as executor:
        assert delay <= asyncio.run(timed(executor)) < delay + 2


def test_a_request_that_still_waits_at_the_end_is_cancelled():
    async def close(executor):
        batcher = Batcher(doubled, executor, 100, 60)
        waiting = asyncio.create_task(batcher.submit([column(1)], 1))
        await asyncio.sleep(0)
        await batcher.close()
        await asyncio.wait({waiting}, timeout=5)
        return waiting.cancelled()

    with ThreadPoolExecutor(1) as executor:
        assert asyncio.run(close(executor))
