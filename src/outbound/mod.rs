//! The one HTTP client for all calls out: to Upstash, Stripe, the mail provider.
//!
//! TLS by rustls with ring and the roots compiled in: nothing reads certificate files and the first call waits for no entropy.
//! Connections are kept. No redirect is followed, no proxy from the environment is used.

pub(crate) mod answer;
pub mod guard;
mod public_address;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;

/// Longest time for a connection with its TLS handshake. Chosen: three round trips at 300 ms; beyond it a repeat on
/// another connection is the better bet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes the client.
///
/// # Errors
/// Only when the TLS library refuses its own defaults.
pub fn client() -> Result<Client, OutboundError> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
    Ok(client.build()?)
}

/// Returns the TLS settings of every call out.
///
/// # Errors
/// Only when the TLS library refuses its own defaults.
pub fn tls() -> Result<rustls::ClientConfig, OutboundError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refused them.
    #[error("the HTTP client cannot be made")]
    Http(#[from] reqwest::Error),
}
