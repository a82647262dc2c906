"""Recommends what users liked who liked the same: items are counted by the items that came just before them.

The pipeline's key is the user. So that counts of all users meet, the pipeline has one partition, or the counts are those
of the partition.
"""

from typing import Any

from tailrace import DROP, Event, Plugin, Reject, Result, emit, state

#: Items of a user that are remembered, and items that are recommended.
REMEMBERED = 10
RECOMMENDED = 3
#: Most items beside another one. The rarest makes room.
MOST_BESIDE = 50


class AlsoLiked(Plugin):
    def __init__(self, config: Any = None) -> None:
        self.least = (config or {}).get("least_rating", 4)

    def process(self, event: Event) -> Result:
        rating = event.json()
        item, stars = rating.get("item"), rating.get("rating", 5)
        if not isinstance(item, str):
            raise Reject("missing-field", "the rating names no item")
        if stars < self.least:
            return DROP
        liked = state.get_json(f"user/{event.key}", [])
        if item not in liked:
            for other in liked:
                count(item, other)
                count(other, item)
            liked = [*liked, item][-REMEMBERED:]
            state.set_json(f"user/{event.key}", liked)
        return emit({"user": event.key, "items": recommended(liked)})


def count(item: str, other: str) -> None:
    """Counts that both were liked by one user."""
    beside = state.get_json(f"item/{item}", {})
    if other not in beside and len(beside) == MOST_BESIDE:
        del beside[min(beside, key=beside.get)]
    beside[other] = beside.get(other, 0) + 1
    state.set_json(f"item/{item}", beside)


def recommended(liked: list[str]) -> list[str]:
    """The items that were liked beside these most often."""
    scores: dict[str, int] = {}
    for item in liked:
        for other, times in state.get_json(f"item/{item}", {}).items():
            if other not in liked:
                scores[other] = scores.get(other, 0) + times
    return sorted(scores, key=lambda item: (-scores[item], item))[:RECOMMENDED]
