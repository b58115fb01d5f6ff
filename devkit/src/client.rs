//! An HTTP client for servers on this machine.

use std::time::Duration;

use reqwest::redirect::Policy;

/// A client that follows no redirect, uses no proxy and trusts no certificate, so https is refused.
///
/// # Panics
/// Never: the set-up is the same on every machine, and this project's tests use it.
#[expect(clippy::expect_used, reason = "fails only for a TLS set-up that is wrong on every machine")]
pub fn plain(timeout: Duration) -> reqwest::Client {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .timeout(timeout)
        .build()
        .expect("a client without certificates builds")
}
