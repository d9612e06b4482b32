"""Threads and cards: each thread keeps to one, all are used, and nobody has a card at the same time as another."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from eigentail.backends import Device, cards, held, turns

FOUR = Device(tuple(f"cuda:{i}" for i in range(4)))


class NoCard:
    """What stands for a card where there is none."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture(autouse=True)
def no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "Card", NoCard)


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_workers_take_turns_and_keep_to_theirs(workers: int) -> None:
    meet = threading.Barrier(workers)
    names: dict[int, list[str]] = {}

    def ask(_: int) -> None:
        meet.wait(timeout=10)  # so that each thread has one
        for _ in range(3):
            with held(FOUR) as card:
                names.setdefault(threading.get_ident(), []).append(card.name)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(ask, range(workers)))
    assert [len(set(asked)) for asked in names.values()] == [1] * workers
    assert len({name for asked in names.values() for name in asked}) == min(workers, 4)


def test_a_card_is_had_by_one_at_a_time() -> None:
    having, most = [0], [0]

    def use(_: int) -> None:
        with held(Device(("cuda:0",))):
            having[0] += 1
            most[0] = max(most[0], having[0])
            time.sleep(0.002)
            having[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(12)))
    assert most == [1]


def test_a_card_is_given_back_after_a_failure() -> None:
    with pytest.raises(ValueError, match="no"), held(FOUR):
        raise ValueError("no")
    with held(FOUR):
        pass


def test_processes_that_do_not_know_of_each_other_start_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns._first_turn() == 0
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    monkeypatch.setattr(turns.os, "getpid", lambda: 4711)
    assert turns._first_turn() == 4711
    monkeypatch.delitem(sys.modules, "multiprocessing")
    assert turns._first_turn() == 0
