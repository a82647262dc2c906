import unittest

from plugin import AlsoLiked
from tailrace import DROP, Event, Reject
from tailrace.testing import TestHost


def rating(user, item, stars=5):
    return Event("shop.ratings", {"item": item, "rating": stars}, key=user)


class AlsoLikedTest(unittest.TestCase):
    def setUp(self):
        self.host = TestHost(AlsoLiked)

    def items(self, *event):
        [message] = self.host.send(rating(*event))
        return message.json()["items"]

    def test_what_others_liked_beside_it_is_recommended(self):
        for item in ("tea", "cake"):
            self.items("ada", item)
        self.assertEqual(self.items("bob", "tea"), ["cake"])
        self.assertEqual(self.items("bob", "cake"), [])

    def test_what_was_not_liked_counts_nothing(self):
        self.assertIs(self.host.send(rating("ada", "tea", 2)), DROP)
        self.assertEqual(self.host.state, {})

    def test_a_rating_without_an_item_is_rejected(self):
        with self.assertRaises(Reject):
            self.host.send(Event("shop.ratings", {"rating": 5}, key="ada"))
