//! The whole of Holdfast in one process: Redis behind the REST API, every route, a cron, and stand-ins for Stripe, the mail
//! provider and the partner's server.

mod cron;
mod environment;
pub(crate) mod keys;
mod options;
pub(crate) mod routes;
mod welcome;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use holdfast::app::App;
use holdfast::config::Config;
use holdfast::edge::{Clock, Dice};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use environment::{EnvFileError, read_env_file};
pub use options::StackOptions;

use crate::mail::{MailOptions, Outbox};
use crate::previews;
use crate::redis::{RedisOptions, RedisServer};
use crate::rest::{RestOptions, RestServer};
use crate::serve::{Served, serve_on};
use crate::shop::Shop;
use crate::stripe::{StripeOptions, StripeSandbox};
use crate::webhooks::WebhookSink;

/// The running stack.
#[derive(Debug)]
pub struct Stack {
    options: StackOptions,
    redis: Option<RedisServer>,
    rest: RestServer,
    site: Option<Served>,
    cron: Option<JoinHandle<()>>,
    /// The Stripe sandbox.
    pub stripe: StripeSandbox,
    /// The mails that were sent.
    pub outbox: Outbox,
    /// The partner's server.
    pub webhooks: WebhookSink,
}

/// A port another program has.
#[derive(Debug, thiserror::Error)]
#[error("port {port} on 127.0.0.1 cannot be had: expected a free one; choose another with --port")]
struct PortError {
    port: u16,
    #[source]
    source: std::io::Error,
}

impl Stack {
    /// Starts everything; returns when every part answers.
    pub async fn start(options: StackOptions) -> Result<Self, Box<dyn Error>> {
        let options = options.with_defaults_for_empty();
        let listener = if options.only_redis { None } else { Some(listen(options.port).await?) };
        let (redis, address) = if let Some(address) = &options.redis_url {
            (None, address.clone())
        } else {
            let redis = RedisOptions { data_dir: options.data_dir.clone(), ..RedisOptions::default() };
            let redis = RedisServer::start(redis).await?;
            let address = redis.addr().into();
            (Some(redis), address)
        };
        let rest = SocketAddr::from((Ipv4Addr::LOCALHOST, options.rest_port));
        let rest = RestOptions { listen: rest, token: options.rest_token.clone(), redis: address };
        let rest = RestServer::start(rest).await?;
        let stripe = StripeSandbox::new(StripeOptions::default());
        let outbox = Outbox::new(MailOptions::default());
        let webhooks = WebhookSink::new(environment::WEBHOOK_SECRET);
        let mut stack = Self { options, redis, rest, site: None, cron: None, stripe, outbox, webhooks };
        if let Some(listener) = listener {
            keys::seed(&stack.rest).await?;
            stack.open(listener)?;
        }
        Ok(stack)
    }

    /// Serves the routes and the stand-ins, and starts the cron.
    fn open(&mut self, listener: TcpListener) -> Result<(), Box<dyn Error>> {
        let site_url = format!("http://{}", listener.local_addr()?);
        let lookup = environment::lookup(&self.rest, &site_url, &self.options);
        let app = App::new(Config::from_lookup(lookup), Clock::Real, Dice::Real)?;
        let brand = app.config().brand.clone()?;
        self.stripe.events().set_url(Some(format!("{site_url}/api/webhooks/stripe")));
        self.outbox.events().set_url(Some(format!("{site_url}/api/webhooks/email")));
        let stripe = (format!("{site_url}/dev/stripe/api"), StripeOptions::default().secret_key);
        let shop = Shop::new(&site_url, (&stripe.0, &stripe.1), self.outbox.clone(), self.webhooks.clone())?;
        let site = Router::new()
            .merge(routes::router(app))
            .nest("/dev/stripe/api", self.stripe.router())
            .nest("/dev/resend", self.outbox.router())
            .nest("/dev/webhooks/in", self.webhooks.router())
            .merge(crate::openapi::router())
            .route("/", get(|| async { Redirect::to("/dev/shop") }))
            .route("/dev", get(|| async { Redirect::to("/dev/shop") }))
            .route("/dev/", get(|| async { Redirect::to("/dev/shop") }))
            .merge(shop.pages("/dev/shop"))
            .merge(self.stripe.pages("/dev/stripe"))
            .merge(self.outbox.pages("/dev/outbox"))
            .merge(previews::pages(&brand, "/dev/mails"))
            .merge(self.webhooks.pages("/dev/webhooks"));
        self.site = Some(serve_on(listener, site)?);
        if !self.options.no_cron {
            let every = std::time::Duration::from_secs(self.options.cron_seconds);
            self.cron = Some(cron::start(&site_url, self.options.cron_secret.clone(), every)?);
        }
        Ok(())
    }

    /// The REST server before Redis, with its faults.
    pub fn rest(&self) -> &RestServer {
        &self.rest
    }

    /// The address of the routes, without a slash at its end; nothing when only Redis was asked for.
    pub fn url(&self) -> Option<String> {
        self.site.as_ref().map(Served::url)
    }

    /// What a newcomer wants to know: where everything is, and a line to try.
    pub fn welcome(&self) -> String {
        welcome::text(self)
    }

    /// Stops everything and leaves no process behind.
    pub async fn stop(mut self) {
        if let Some(cron) = self.cron.take() {
            cron.abort();
        }
        if let Some(site) = self.site.take() {
            site.stop().await;
        }
        self.rest.stop().await;
        if let Some(redis) = self.redis.take() {
            redis.stop().await;
        }
    }
}

async fn listen(port: u16) -> Result<TcpListener, PortError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| PortError { port, source })
}
