"""What was sent just now, verified with the Python libraries partners use."""

import datetime
import json
import os
import unittest
from unittest import mock

import standardwebhooks.webhooks
import svix.webhooks

LIBRARIES = [standardwebhooks.webhooks, svix.webhooks]
OTHER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBpdCBpcw=="


class Later(datetime.datetime):
    """A clock that is more than five minutes ahead."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=301)


class Webhooks(unittest.TestCase):
    def setUp(self):
        with open(os.environ["DELIVERIES"], encoding="utf-8") as file:
            self.deliveries = json.load(file)
        self.assertEqual(len(self.deliveries), 3)

    def each(self):
        for one in self.deliveries:
            for library in LIBRARIES:
                yield library, one["headers"], one["body"], one["secrets"]

    def refuses(self, library, secret, body, headers):
        with self.assertRaises(library.WebhookVerificationError):
            library.Webhook(secret).verify(body, headers)

    def test_what_was_sent_verifies_with_each_secret(self):
        for library, headers, body, secrets in self.each():
            for secret in secrets:
                # It raises where it does not hold.
                library.Webhook(secret).verify(body, headers)

    def test_what_was_tampered_with_or_signed_by_another_does_not(self):
        for library, headers, body, secrets in self.each():
            self.refuses(library, OTHER, body, headers)
            self.refuses(library, secrets[0], body + " ", headers)
            self.refuses(library, secrets[0], body, {**headers, "webhook-id": "job-other"})

    def test_what_is_five_minutes_old_does_not(self):
        for library, headers, body, secrets in self.each():
            # svix looks at the clock by way of the other.
            with mock.patch.object(standardwebhooks.webhooks, "datetime", Later):
                self.refuses(library, secrets[0], body, headers)


if __name__ == "__main__":
    unittest.main()
