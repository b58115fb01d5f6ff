//! Keeps calls to addresses that others chose from reaching anything that is not on the public Internet.
//!
//! An address written as a number is judged before anything is sent, however it is written; a name's addresses are judged where
//! the connection is made, so that what was checked is what is connected to. Hosts on the allow-list may be private, at
//! the port they are listed with and no other.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::public_address::is_public;

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its scheme is not https.
    #[error("its scheme is not https")]
    Scheme,
    /// It has a user name or password.
    #[error("it has a user name or password")]
    UserInfo,
    /// It has no host.
    #[error("it has no host")]
    NoHost,
    /// Its port is neither 443 nor 1024 or above.
    #[error("its port {0} is neither 443 nor 1024 or above")]
    Port(u16),
    /// Its host is no public address.
    #[error("its host is no public address")]
    NotPublic,
    /// Its host's name leads to no public address.
    #[error("its host's name leads to no public address")]
    ResolvesToPrivate,
    /// Its host is allowed at another port only.
    #[error("its host is allowed at another port only")]
    AllowedElsewhere,
}

/// Decides where a call may go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Guard {
    /// `host:port` of what may be private.
    allowed: Arc<HashSet<String>>,
}

impl Guard {
    /// Makes a guard that lets `allow_private` through, each `host:port` in lower case.
    pub fn new(allow_private: &[String]) -> Self {
        Self { allowed: Arc::new(allow_private.iter().cloned().collect()) }
    }

    /// Judges what the address itself tells.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        let host = url.host().ok_or(Refused::NoHost)?;
        let port = url.port_or_known_default().unwrap_or_default();
        if self.allowed.contains(&format!("{host}:{port}")) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Refused::Scheme);
        }
        if port != 443 && port < 1024 {
            return Err(Refused::Port(port));
        }
        match host {
            Host::Ipv4(address) if !is_public(address.into()) => Err(Refused::NotPublic),
            Host::Ipv6(address) if !is_public(address.into()) => Err(Refused::NotPublic),
            // The resolver knows no port: a name that may be private at one must not be reached at another.
            Host::Domain(name) if self.allows_name(name) => Err(Refused::AllowedElsewhere),
            _ => Ok(()),
        }
    }

    /// Judges a text as [`check`](Self::check) does an address, and refuses the names that mean this machine wherever they are looked up.
    ///
    /// # Errors
    /// With what is wrong with it, to follow "the address is refused:".
    pub fn check_text(&self, text: &str) -> Result<(), String> {
        let url = Url::parse(text).map_err(|_| "it is no address".to_owned())?;
        self.check(&url).map_err(|refused| refused.to_string())?;
        match url.host() {
            Some(Host::Domain(name)) if is_this_machine(name) && !self.allows_name(name) => {
                Err(Refused::NotPublic.to_string())
            }
            _ => Ok(()),
        }
    }

    fn allows_name(&self, name: &str) -> bool {
        let host = |entry: &String| entry.rsplit_once(':').is_some_and(|(host, _)| host == name);
        self.allowed.iter().any(host)
    }

    /// Keeps the addresses of `name` that may be connected to.
    fn judge(&self, name: &str, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let any = self.allows_name(name);
        let reachable = found.into_iter().filter(|address| any || is_public(*address));
        // Port 0 stands for the port of the request.
        let reachable: Vec<SocketAddr> = reachable.map(|address| SocketAddr::new(address, 0)).collect();
        if reachable.is_empty() {
            return Err(Refused::ResolvesToPrivate);
        }
        Ok(reachable)
    }
}

/// `localhost` and what ends in it lead to the loopback address. RFC 6761, section 6.3.
fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found = found.map(|address| address.ip()).collect();
            let reachable = guard.judge(name.as_str(), found)?;
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, allowed: &[&str]) -> Result<(), Refused> {
        let allowed: Vec<String> = allowed.iter().map(|entry| (*entry).to_owned()).collect();
        Guard::new(&allowed).check(&Url::parse(url).unwrap())
    }

    /// Ways to write addresses that are not public, as hosts of an https URL.
    const NOT_PUBLIC: [&str; 62] = [
        // Loopback: dotted, short, decimal, hexadecimal, octal, mixed, padded, wide digits, escaped, other dots, with a dot at its end.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0x0.0x0.0x1",
        "017700000001",
        "0177.0.0.1",
        "0177.0x0.0.1",
        "00000177.0.0.01",
        "127.255.255.254",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "%31%32%37.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "127.0.0.1.",
        "\u{2460}27.0.0.1",
        // This host and this network.
        "0",
        "0.0.0.0",
        "0x0",
        "0.1.2.3",
        // Private networks.
        "10.0.0.1",
        "0xa.1",
        "012.0.0.1",
        "167772161",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "0xc0a80101",
        "0300.0250.1.1",
        // Link-local, with the clouds' metadata in all dialects.
        "169.254.169.254",
        "169.254.170.2",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.254.43518",
        "168.63.129.16",
        "100.100.100.200",
        // Shared, protocol, documentation, benchmark, multicast, reserved, broadcast.
        "100.64.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        // IPv6: unspecified, loopback, mapped, compatible, translated, NAT64, 6to4, Teredo, ULA, link-local, site-local, multicast,
        // documentation, discard.
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ];

    #[test]
    fn no_way_of_writing_a_private_address_gets_past() {
        for host in NOT_PUBLIC {
            assert_eq!(check(&format!("https://{host}/hook"), &[]), Err(Refused::NotPublic), "{host}");
        }
    }

    #[test]
    fn a_name_that_means_this_machine_is_refused_as_its_address_is() {
        let check = |url: &str, allowed: &[String]| Guard::new(allowed).check_text(url);
        let refused = Err("its host is no public address".to_owned());
        for host in ["localhost", "LOCALHOST", "localhost.", "api.localhost", "127.0.0.1"] {
            assert_eq!(check(&format!("https://{host}/hook"), &[]), refused, "{host}");
        }
        assert_eq!(check("http://localhost:3000/", &["localhost:3000".to_owned()]), Ok(()));
        assert_eq!(check("https://localhost.example/", &[]), Ok(()));
    }

    #[test]
    fn what_is_no_plain_https_address_is_refused() {
        let cases = [
            ("http://partner.example/hook", Refused::Scheme),
            ("ftp://partner.example/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("gopher://partner.example:6379/_FLUSHALL", Refused::Scheme),
            ("data:text/plain,x", Refused::Scheme),
            ("https://user@partner.example/", Refused::UserInfo),
            ("https://:password@partner.example/", Refused::UserInfo),
            ("https://partner.example@127.0.0.1/", Refused::UserInfo),
            ("https://partner.example:22/", Refused::Port(22)),
            ("https://partner.example:25/", Refused::Port(25)),
            ("https://partner.example:80/", Refused::Port(80)),
            ("https://partner.example:0/", Refused::Port(0)),
        ];
        for (url, expected) in cases {
            assert_eq!(check(url, &[]), Err(expected), "{url}");
        }
    }

    #[test]
    fn a_public_server_may_be_told() {
        for url in [
            "https://partner.example/hook?x=1",
            "https://partner.example:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "HTTPS://PARTNER.EXAMPLE./",
        ] {
            assert_eq!(check(url, &[]), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_on_the_allow_list_may_be_private_at_its_port_alone() {
        let allowed = ["127.0.0.1:3000", "[::1]:3000", "localhost:3000"];
        for url in ["http://127.0.0.1:3000/", "http://[::1]:3000/", "http://LOCALHOST:3000/"] {
            assert_eq!(check(url, &allowed), Ok(()), "{url}");
        }
        assert_eq!(check("https://127.0.0.1:3001/", &allowed), Err(Refused::NotPublic));
        assert_eq!(check("https://localhost:3001/", &allowed), Err(Refused::AllowedElsewhere));
        assert_eq!(check("http://x@localhost:3000/", &allowed), Err(Refused::UserInfo));
    }

    #[test]
    fn of_a_names_addresses_only_the_public_ones_are_connected_to() {
        let guard = Guard::new(&["sink:80".to_owned()]);
        let found = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let judged = |name, texts: &[&str]| guard.judge(name, found(texts)).map(|all| all.len());
        assert_eq!(judged("a.example", &["127.0.0.1", "1.1.1.1", "::1"]), Ok(1));
        assert_eq!(judged("a.example", &["10.0.0.1", "fd00::1"]), Err(Refused::ResolvesToPrivate));
        assert_eq!(judged("sink", &["10.0.0.1"]), Ok(1));
    }
}
