"""What a random case cannot know: an idempotency key that no other case has, and Stripe's signature over the body."""

import hashlib
import hmac
import json
import re
import time
import uuid

import schemathesis

STRIPE_SECRET = "whsec_dev_stripe"
KEY = re.compile(r'"[!#-~]{1,255}"|[!#-~]{1,255}')
# On an enqueue it stands for a dedupe key.
DEDUPE_KEY = re.compile(r'"[A-Za-z0-9._:-]{1,200}"|[A-Za-z0-9._:-]{1,200}')


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    # What is not of the form is sent as it is: it has to be refused.
    key = headers.get("Idempotency-Key")
    form = DEDUPE_KEY if case.path == "/api/jobs/enqueue" else KEY
    if isinstance(key, str) and form.fullmatch(key):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if case.path == "/api/webhooks/stripe" and isinstance(case.body, (dict, list)) and "Stripe-Signature" in headers:
        body = json.dumps(case.body).encode()
        now = int(time.time())
        signature = hmac.new(STRIPE_SECRET.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
        case.headers["Stripe-Signature"] = f"t={now},v1={signature}"
