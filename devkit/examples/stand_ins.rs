//! The Stripe sandbox, the outbox and the webhook sink on one port, until it is stopped.
//!
//! Prints the address once it listens. The Node check in `checks/stripe-node` runs against it.

use std::error::Error;

use axum::Router;
use devkit::mail::{MailOptions, Outbox};
use devkit::serve::serve;
use devkit::stripe::{StripeOptions, StripeSandbox};
use devkit::webhooks::WebhookSink;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "whoever started it reads the address there")]
async fn main() -> Result<(), Box<dyn Error>> {
    let stripe = StripeSandbox::new(StripeOptions::default());
    let outbox = Outbox::new(MailOptions::default());
    let sink = WebhookSink::new("whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==");
    let router = Router::new()
        .nest("/dev/stripe/api", stripe.router())
        .nest("/dev/resend", outbox.router())
        .nest("/dev/webhooks/in", sink.router())
        .merge(stripe.pages("/dev/stripe"))
        .merge(outbox.pages("/dev/outbox"))
        .merge(sink.pages("/dev/webhooks"))
        // Stripe's own libraries take a host and a port but no path before `/v1`.
        .fallback_service(stripe.router());
    let served = serve(router).await?;
    println!("{}", served.url());
    tokio::signal::ctrl_c().await?;
    served.stop().await;
    Ok(())
}
