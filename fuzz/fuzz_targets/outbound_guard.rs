//! An address that a partner wants webhooks at: what gets past is https, on the Internet as far as its text tells, and stays so.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use holdfast::outbound::guard::Guard;
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

/// By the standard library, which does not know all that is not public.
fn is_private(address: Ipv4Addr) -> bool {
    let shared = address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || shared
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let inside = address.to_ipv4().is_some_and(is_private);
    inside
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let guard = Guard::new(&[]);
    if guard.check_text(text).is_err() {
        return;
    }
    let url = Url::parse(text).expect("what gets past is an address");
    assert!(url.scheme() == "https" && url.username().is_empty() && url.password().is_none(), "{url}");
    let port = url.port_or_known_default().unwrap();
    assert!(port == 443 || port >= 1024, "{url}");
    match url.host().expect("what gets past has a host") {
        Host::Ipv4(address) => assert!(!is_private(address), "{url}"),
        Host::Ipv6(address) => assert!(!is_private_v6(address), "{url}"),
        Host::Domain(name) => assert!(name.parse::<std::net::IpAddr>().is_err(), "{url}"),
    }
    assert_eq!(guard.check_text(url.as_str()), Ok(()), "{url} as it is written again");
});
