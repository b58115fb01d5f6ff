//! The API keys of the stack, which anyone may know.

use std::error::Error;

use holdfast::admission::ApiKey;
use holdfast::edge::Clock;
use holdfast::upstash::keys::Keys;
use serde_json::json;

use crate::rest::RestServer;

/// The keys, each with its role and partner.
pub(super) const KEYS: [(&str, &str, &str); 3] = [
    ("dev-partner-key", "partner", "dev-partner"),
    ("dev-other-partner-key", "partner", "dev-other-partner"),
    ("dev-admin-key", "admin", "dev-admin"),
];

/// Calls a minute of each: a person with a browser and a test of the API are not to meet the limit.
const LIMIT: &str = "100000";

/// Writes the keys into the store.
#[expect(clippy::disallowed_methods, reason = "the stack writes where its routes read: behind the same prefix")]
pub(crate) async fn seed(rest: &RestServer) -> Result<(), Box<dyn Error>> {
    let now = Clock::Real.now();
    let keys = Keys::new(std::env::var("KEY_PREFIX").unwrap_or_default().trim());
    let commands = KEYS.map(|(key, role, partner)| {
        let sha256 = ApiKey::presented(key).sha256();
        let name = keys.api_key(&sha256);
        let hash = json!(["HSET", name, "role", role, "partner", partner, "start", key, "limit", LIMIT]);
        [hash, json!(["ZADD", keys.api_keys(), now.to_string(), sha256])]
    });
    let commands = commands.as_flattened();
    let http = holdfast::outbound::client()?;
    let request = http.post(format!("{}/pipeline", rest.url())).bearer_auth(rest.token());
    request.body(serde_json::to_vec(commands)?).send().await?.error_for_status()?;
    Ok(())
}
