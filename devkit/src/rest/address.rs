//! Where Redis is: an address, or a `redis://` URL.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// A Redis to connect to, and what to say to it first.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) host_port: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
}

/// Why a text is no address of a Redis.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no Redis address: expected redis://[[user]:password@]host[:port][/database]")]
pub struct ParseAddressError {
    found: String,
}

impl From<SocketAddr> for RedisAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host_port: address.to_string(), username: None, password: None, database: 0 }
    }
}

impl FromStr for RedisAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        parse(text).ok_or_else(|| ParseAddressError { found: text.to_owned() })
    }
}

impl fmt::Debug for RedisAddress {
    /// Without the password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "redis://{}/{}", self.host_port, self.database)
    }
}

fn parse(text: &str) -> Option<RedisAddress> {
    let rest = text.strip_prefix("redis://")?;
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let database = if database.is_empty() { 0 } else { database.parse().ok()? };
    let (login, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (username, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (host_port, 6379_u16),
    };
    if host.is_empty() {
        return None;
    }
    Some(RedisAddress {
        host_port: format!("{host}:{port}"),
        username: Some(decoded(username)?).filter(|text| !text.is_empty()),
        password: Some(decoded(password)?).filter(|text| !text.is_empty()),
        database,
    })
}

/// A part of the login as it was before it was put in a URL.
fn decoded(part: &str) -> Option<String> {
    Some(percent_decode_str(part).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_host_port_login_and_database() {
        let address: RedisAddress = "redis://me:a%40b@example.com:7000/2".parse().unwrap();

        assert_eq!(address.host_port, "example.com:7000");
        assert_eq!(address.username.as_deref(), Some("me"));
        assert_eq!(address.password.as_deref(), Some("a@b"));
        assert_eq!(address.database, 2);
    }

    #[test]
    fn what_is_left_out_has_redis_defaults() {
        let address: RedisAddress = "redis://localhost".parse().unwrap();

        assert_eq!(address.host_port, "localhost:6379");
        assert_eq!((address.username, address.password, address.database), (None, None, 0));
    }

    #[test]
    fn an_error_shows_what_was_expected() {
        let error = "rediss://x".parse::<RedisAddress>().unwrap_err();

        assert_eq!(
            error.to_string(),
            "\"rediss://x\" is no Redis address: expected redis://[[user]:password@]host[:port][/database]"
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let address: RedisAddress = "redis://:secret@h".parse().unwrap();

        assert_eq!(format!("{address:?}"), "redis://h:6379/0");
    }
}
