//! What the stack says when it is ready.

use super::Stack;

/// Says where everything is, and a line to try.
pub(super) fn text(stack: &Stack) -> String {
    let redis = match &stack.redis {
        Some(redis) => format!("redis://{} ({:?})", redis.addr(), redis.kind()),
        None => "the one you named".to_owned(),
    };
    let (rest, rest_token) = (stack.rest.url(), stack.rest.token());
    let store = format!("  Upstash REST   {rest}   token {rest_token}\n  Redis          {redis}");
    let Some(url) = stack.url() else {
        return format!("\n{store}\n\nUPSTASH_REDIS_REST_URL={rest}\nUPSTASH_REDIS_REST_TOKEN={rest_token}\n");
    };
    let token = &stack.options.processor_token;
    let cron = if stack.options.no_cron { "off".to_owned() } else { format!("every {} s", stack.options.cron_seconds) };
    format!(
        r#"
Holdfast is ready.

  Routes         {url}/api/...   processor token {token}
  Example shop   {url}/dev/shop
  Dashboard      {url}/api/dashboard   sign in with that token
  Try each       {url}/dev/api
  Mails          {url}/dev/outbox   delivered, but for bounced@…, complained@… and delayed@…
  Templates      {url}/dev/mails
  Webhooks       {url}/dev/webhooks
  Stripe         {url}/dev/stripe
{store}
  Cron           {cron}

Enqueue a mail, and see it among the mails a moment later:

  curl {url}/api/jobs/enqueue -H "Authorization: Bearer {token}" \
    -d '{{"type":"send_release_email","payload":{{"transactionId":"esc-123","recipientEmail":"user@example.com","amount":10000,"currency":"usd"}}}}'

Pay 100.00 USD into an escrow, release it with the escrowId of the answer, and see mails, webhooks and the capture:

  curl {url}/api/escrow/create -H "Authorization: Bearer dev-partner-key" -H "Idempotency-Key: order-1" \
    -d '{{"amount":10000,"currency":"usd","buyerEmail":"buyer@example.com","sellerEmail":"seller@example.com","paymentMethod":"pm_card_visa"}}'
  curl {url}/api/escrow/release -H "Authorization: Bearer dev-partner-key" -H "Idempotency-Key: order-1-release" \
    -d '{{"escrowId":"..."}}'

What only an operator may (refund, resolve) takes dev-admin-key. For the command line, `cargo holdfast stats` and the others:

  export KV_REST_API_URL={rest} KV_REST_API_TOKEN={rest_token}

Ctrl-C stops everything.
"#
    )
}
