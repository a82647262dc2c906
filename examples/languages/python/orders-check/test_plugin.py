import unittest

from plugin import OrdersCheck
from tailrace import FORWARD, Event, Reject
from tailrace.testing import TestHost

GOOD = b'{"user":"ada","lines":[{"price":0.1,"count":3}],"total":0.3}'


class OrdersCheckTest(unittest.TestCase):
    def setUp(self):
        self.host = TestHost(OrdersCheck, {"most": 100})

    def code(self, payload):
        with self.assertRaises(Reject) as caught:
            self.host.send(Event("shop.orders", payload))
        return caught.exception.code

    def test_an_order_that_holds_together_goes_on(self):
        self.assertIs(self.host.send(Event("shop.orders", GOOD)), FORWARD)

    def test_each_fault_has_its_code(self):
        self.assertEqual(self.code(b"{"), "malformed-json")
        self.assertEqual(self.code(b"[]"), "malformed-order")
        self.assertEqual(self.code(GOOD.replace(b'"user"', b'"who"')), "missing-field")
        self.assertEqual(self.code(GOOD.replace(b'"count"', b'"n"')), "malformed-line")
        self.assertEqual(self.code(GOOD.replace(b'"total":0.3', b'"total":0.4')), "wrong-total")
        self.assertEqual(self.code(GOOD.replace(b"0.1", b"100").replace(b"0.3", b"300")), "too-much")
