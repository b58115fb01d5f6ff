//! A postman's controls over HTTP: hold, release, send twice, another address.

use serde::Deserialize;

use super::{Order, Postman};
use crate::control::{Refused, Sent};

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    order: Order,
}

#[derive(Deserialize)]
struct Twice {
    twice: bool,
}

#[derive(Deserialize)]
struct Url {
    url: Option<String>,
}

/// Does what the last part of a control's path asks for.
pub(crate) fn control(postman: &Postman, what: &str, sent: &Sent) -> Result<(), Refused> {
    match what {
        "hold" => postman.hold(),
        "release" => {
            postman.release(sent.read::<Release>()?.order);
        }
        "twice" => postman.set_twice(sent.read::<Twice>()?.twice),
        "url" => postman.set_url(sent.read::<Url>()?.url),
        _ => return Err(Refused::unknown()),
    }
    Ok(())
}
