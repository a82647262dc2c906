"""The two ways in which an event can fail on purpose. Any other exception ends the instance with a trap."""


class Reject(Exception):
    """The event itself is at fault: it becomes a dead letter and is not retried.

    ``code`` is short and stable, for counting, such as ``missing-field``. ``reason`` is for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Retry(Exception):
    """The event is retried under the step's ``on-error`` policy."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
