"""Lets orders through that hold together: the fields are there, and the total is the sum of the lines.

Amounts are decimal numbers, which Python keeps exactly.
"""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from tailrace import FORWARD, Event, Plugin, Reject, Result


class OrdersCheck(Plugin):
    def __init__(self, config: Any = None) -> None:
        self.most = Decimal(str((config or {}).get("most", 10_000)))

    def process(self, event: Event) -> Result:
        event.json()
        order = json.loads(event.payload, parse_float=Decimal, parse_int=Decimal)
        if not isinstance(order, dict):
            raise Reject("malformed-order", "an order is an object")
        for field in ("user", "lines", "total"):
            if field not in order:
                raise Reject("missing-field", f"the order has no {field}")
        try:
            total = sum(line["price"] * line["count"] for line in order["lines"])
        except (KeyError, TypeError) as error:
            raise Reject("malformed-line", f"a line has no price and count: {error}") from None
        if total != order["total"]:
            raise Reject("wrong-total", f"the lines sum up to {total}, the order says {order['total']}")
        if total > self.most:
            raise Reject("too-much", f"an order of {total} is more than {self.most}")
        if "due" in order and datetime.fromisoformat(order["due"]) < datetime.now(timezone.utc):
            raise Reject("too-late", f"the order was due at {order['due']}")
        return FORWARD
