//! What callers are told when something went wrong.

#![allow(dead_code, reason = "only the forms are used: the macros make the document of them")]

use serde::Deserialize;
use utoipa::{IntoResponses, ToSchema};

use super::words::{EscrowOperation, EscrowState};

/// RFC 9457, with a code that stays.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "invalid_field",
    "detail": "limit is 0, expected a number from 1 to 250", "requestId": "req-ua9c3hm12dr5"}))]
pub(super) struct Problem {
    /// Always `about:blank`: the code says which problem it is.
    #[schema(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// One word that stays: what a program may decide by.
    #[schema(pattern = "^[a-z_]+$")]
    code: String,
    /// What is wrong and what was expected, for a person.
    detail: String,
    /// Which of several jobs is meant, from 0.
    #[schema(nullable = false)]
    index: Option<u64>,
    /// Whether to repeat: `same_key` where the request may have been done and the same one, with the same key, is safe; `after` (see
    /// `Retry-After`) where it was not done, or was a question; `may_do_twice` where it may have been done and has no key.
    #[schema(nullable = false)]
    retry: Option<Retry>,
    /// The request's name in the log.
    request_id: String,
    /// The escrow that was meant.
    #[schema(nullable = false)]
    escrow_id: Option<String>,
    /// Where the escrow is.
    #[schema(nullable = false)]
    state: Option<EscrowState>,
    /// What the caller may do instead.
    #[schema(nullable = false)]
    possible: Option<Vec<EscrowOperation>>,
    /// The role that is needed.
    #[schema(nullable = false)]
    role: Option<String>,
    /// Stripe's word for it.
    #[schema(nullable = false)]
    stripe_code: Option<String>,
    /// The bank's word for it.
    #[schema(nullable = false)]
    decline_code: Option<String>,
    /// With this the buyer can try another card.
    #[schema(nullable = false)]
    client_secret: Option<String>,
    /// The payment at Stripe.
    payment_intent_id: Option<String>,
}

/// Whether and how a request may be repeated.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Retry {
    SameKey,
    After,
    MayDoTwice,
}

macro_rules! refusals {
    ($(#[$doc:meta])* $name:ident { $($status:literal $variant:ident $description:literal,)* }) => {
        $(#[$doc])*
        #[derive(IntoResponses)]
                pub(super) enum $name {
            $(
                #[response(status = $status, description = $description, content_type = "application/problem+json")]
                $variant(Problem),
            )*
        }
    };
}

refusals!(
    /// What any route may answer.
    Anyone {
        500 Broken "Something went wrong here: the log has it under `requestId`",
        503 Unavailable "The store cannot be reached, or a variable is not set: nothing was done, or `retry` says whether it is safe to repeat",
    }
);

refusals!(
    /// What a route for operators may answer.
    Operators {
        400 NotJson "The body is not JSON",
        401 NotLetIn "No processor token, or another one",
        413 TooLarge "The body has more than 256 KiB; on an enqueue, more than 4 MiB",
        422 Invalid "Something is not of its form: the detail says what was expected",
    }
);

refusals!(
    /// What a route for partners may answer.
    Partners {
        400 Unusable "The body is not JSON, or `Idempotency-Key` is missing or not of its form",
        401 NotLetIn "No API key, or one that is not known",
        409 Conflict "Not from this state (`illegal_move`), or the first request with this key is still running",
        413 TooLarge "The body has more than 256 KiB",
        422 Invalid "Something is not of its form or not possible: the detail says what was expected",
        429 TooMany "The API key's calls of this minute are used up",
    }
);

refusals!(
    /// What an operation on an escrow may answer besides.
    Operations {
        402 Declined "The bank declined: no money moved, `declineCode` says why",
        403 Role "The operation needs another role",
        404 Unknown "There is no such escrow, or it is another partner's",
        502 Refused "Stripe does not accept this service's key: no money moved",
    }
);
