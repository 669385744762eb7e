"""All ranks as one, on rank 0: who leads them, who they are, and who of them is gone."""

from __future__ import annotations

import threading
from typing import Any, Callable  # noqa: UP035 - Python 3.8

from clusterkit.payloads.server.decoder import Decoder
from clusterkit.payloads.server.lead import Lead
from clusterkit.payloads.server.lines import Lines, why_gone
from clusterkit.payloads.server.orders import Orders
from clusterkit.payloads.server.work import NewToken, RanksFailed, Work

_SETTLE_S = 0.3
"""Ranks fail with the first that does, within milliseconds: then it is seen which one that was."""


class Together:
    """Meets the other ranks, and leads them; ``on_failure`` is called once, if they fail.

    ``map`` of the request says on which node each rank is.
    """

    def __init__(
        self,
        request: dict[str, Any],
        decoder: Decoder,
        orders: Orders,
        *,
        stop_ids: list[int],
        on_failure: Callable[[], None],
    ) -> None:
        self._nodes = {row["rank"]: row["node"] for row in request.get("map") or []}
        self._on_failure = on_failure
        self._gone: dict[int, str | None] = {}
        self._silent: list[int] = []
        self._own: str | None = None
        self._signs = threading.Lock()
        self._is_leading = self._has_failed = False
        self._lines = Lines(request["tp"] * request["pp"], self._on_gone, self._on_silent)
        orders.share(self._lines.address)
        self._lines.wait()
        self.lead = Lead(
            decoder,
            orders,
            stop_ids=stop_ids,
            max_queue=request["max_queue"],
            on_broken=self._on_broken,
        )
        with self._signs:
            self._is_leading = True
            is_gone = bool(self._gone or self._silent)
        if is_gone:
            self._fail()

    def rows(self, own: dict[str, Any]) -> list[dict[str, Any]]:
        """Each rank, with its node: rank 0 as given, the others as they told last."""
        ranks = {**self._lines.rows, 0: own}
        return [
            {**ranks[rank], "rank": rank, "node": self._nodes.get(rank, ranks[rank]["host"])}
            for rank in sorted(ranks)
        ]

    def answer(self, prompt: list[int], max_tokens: int) -> list[int]:
        """The likeliest tokens after a prompt, which all ranks took part in.

        Raises:
            RanksFailed: If they cannot.
        """
        done = threading.Event()
        tokens: list[int] = []
        problems: list[RanksFailed] = []

        def heard(told: NewToken | RanksFailed) -> None:
            if isinstance(told, RanksFailed):
                problems.append(told)
            else:
                tokens.append(told.token)
            if isinstance(told, RanksFailed) or told.finish:
                done.set()

        self.lead.submit(Work("warm-up", tuple(prompt), max_tokens), heard)
        done.wait()
        if problems:
            raise problems[0]
        return tokens

    def stop(self) -> None:
        """Let every rank leave."""
        self._lines.expect_end()
        self.lead.stop()

    def _on_gone(self, rank: int, words: str | None) -> None:
        with self._signs:
            self._gone.setdefault(rank, words)
        if words is None:  # no other sign can say more than this, and mpirun ends all ranks soon
            self._fail()
        else:
            self._fail_soon()

    def _on_silent(self, rank: int) -> None:
        with self._signs:
            self._silent.append(rank)
        self._fail_soon()  # a node that is paused may have several

    def _on_broken(self, why: str) -> None:
        with self._signs:
            self._own = why
        self._fail_soon()

    def _fail_soon(self) -> None:
        timer = threading.Timer(_SETTLE_S, self._fail)
        timer.daemon = True
        timer.start()

    def _fail(self) -> None:
        with self._signs:
            if self._has_failed or not self._is_leading:
                return
            self._has_failed = True
            why = why_gone(self._gone, self._own, self._nodes.get, self._silent)
        self.lead.fail(why)
        threading.Thread(target=self._on_failure, daemon=True).start()
