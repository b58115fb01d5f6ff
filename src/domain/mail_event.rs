//! What is told of a mail on its way.

use std::time::Duration;

use super::millis::Millis;

/// How long an address is left alone after its server refused it for good. Chosen: long enough that a dead mailbox does not hurt the
/// sender's name, short enough that one who was full or mistyped on the other side is written to again. The provider may keep longer.
const BOUNCED_FOR: Duration = Duration::from_hours(7 * 24);

/// Stands for "for good" where a time is expected. The largest integer that Lua and JSON hold exactly.
pub const FOR_GOOD: Millis = Millis((1 << 53) - 1);

/// Something that happened to a mail. They come in any order; of those that came, the last in this order is how the mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailEvent {
    /// The provider has it and hands it on.
    Sent,
    /// The recipient's server does not take it yet.
    Delayed,
    /// It was not sent, because the address is suppressed.
    Suppressed,
    /// The provider could not send it.
    Failed,
    /// The recipient's server took it.
    Delivered,
    /// It was opened.
    Opened,
    /// The recipient's server refused it.
    Bounced,
    /// The recipient called it spam.
    Complained,
}

impl MailEvent {
    /// All of them, weakest first.
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::Delayed,
        Self::Suppressed,
        Self::Failed,
        Self::Delivered,
        Self::Opened,
        Self::Bounced,
        Self::Complained,
    ];

    /// Returns the name, as it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delayed => "delayed",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    /// Returns the event of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// Returns until when no mail is sent to the address any more; nothing where it may be written to. `is_permanent` tells a server's
    /// final refusal from one that may pass.
    pub fn suppresses_until(self, is_permanent: bool, now: Millis) -> Option<Millis> {
        match self {
            Self::Bounced if is_permanent => Some(now.plus(BOUNCED_FOR)),
            Self::Complained => Some(FOR_GOOD),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_event() {
        for event in MailEvent::ALL {
            assert_eq!(MailEvent::named(event.as_str()), Some(event));
        }
        assert!(MailEvent::ALL.is_sorted());
    }

    #[test]
    fn only_a_final_refusal_and_a_complaint_close_an_address() {
        let until = |event: MailEvent, is_permanent| event.suppresses_until(is_permanent, Millis(5));
        assert_eq!(until(MailEvent::Bounced, true), Some(Millis(5 + 604_800_000)));
        assert_eq!(until(MailEvent::Bounced, false), None);
        assert_eq!(until(MailEvent::Complained, false), Some(FOR_GOOD));
        assert_eq!(until(MailEvent::Delayed, true), None);
    }
}
