//! Who is calling. An unset secret lets nobody in; a comparison tells nothing by the time it takes.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::{Config, ConfigError, Secret, Setting};

/// A caller who is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No bearer token came with the request.
    #[error("the request has no token; expected the header Authorization: Bearer and a token")]
    NoToken,
    /// The token is not the one.
    #[error("the token is not valid here")]
    WrongToken,
    /// Nobody can be let in before a variable is set.
    #[error(transparent)]
    NotConfigured(#[from] ConfigError),
}

/// Who calls the processor's route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessorCaller {
    /// Someone with the processor's token.
    Operator,
    /// The platform's cron, by its secret.
    Cron,
}

/// What a request shows of its sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The bearer token.
    pub bearer: Option<&'a str>,
    /// Whether the sender says it is Vercel's cron. It proves nothing; it only settles what is meant.
    pub says_cron: bool,
}

/// Lets in whoever has the processor's token.
pub fn processor(config: &Config, credentials: Credentials<'_>) -> Result<(), AuthError> {
    let expected = config.processor_token.as_ref().map_err(Clone::clone)?;
    let token = credentials.bearer.ok_or(AuthError::NoToken)?;
    if equal(token, expected) { Ok(()) } else { Err(AuthError::WrongToken) }
}

/// Lets in the operator and the cron, and tells which of them calls.
///
/// Where both secrets are the same text, a caller who says it is Vercel's cron is taken for it.
pub fn processor_or_cron(config: &Config, credentials: Credentials<'_>) -> Result<ProcessorCaller, AuthError> {
    let is = |secret: &Setting<Secret>| match (credentials.bearer, secret) {
        (Some(token), Ok(secret)) => equal(token, secret),
        _ => false,
    };
    match (is(&config.processor_token), is(&config.cron_secret)) {
        (true, true) if credentials.says_cron => Ok(ProcessorCaller::Cron),
        (true, _) => Ok(ProcessorCaller::Operator),
        (false, true) => Ok(ProcessorCaller::Cron),
        (false, false) => {
            let asked_for = if credentials.says_cron { &config.cron_secret } else { &config.processor_token };
            if let Err(missing) = asked_for {
                return Err(missing.clone().into());
            }
            Err(if credentials.bearer.is_some() { AuthError::WrongToken } else { AuthError::NoToken })
        }
    }
}

/// Compares digests, so that neither the length nor a common beginning shows in the time.
fn equal(token: &str, expected: &Secret) -> bool {
    Sha256::digest(token).ct_eq(&Sha256::digest(expected.expose())).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CRON_SECRET, JOB_PROCESSOR_SECRET_TOKEN};

    fn config(token: Option<&str>, cron: Option<&str>) -> Config {
        Config::from_lookup(|name| match name {
            JOB_PROCESSOR_SECRET_TOKEN => token.map(str::to_owned),
            CRON_SECRET => cron.map(str::to_owned),
            _ => None,
        })
    }

    fn bearer(token: &str) -> Credentials<'_> {
        Credentials { bearer: Some(token), says_cron: false }
    }

    #[test]
    fn an_unset_token_lets_nobody_in_whatever_they_send() {
        let unset = AuthError::NotConfigured(ConfigError::Missing(JOB_PROCESSOR_SECRET_TOKEN));
        for token in ["", "undefined", "null", "Bearer"] {
            assert_eq!(processor(&config(None, None), bearer(token)), Err(unset.clone()), "{token:?}");
        }
    }

    #[test]
    fn only_the_whole_token_is_let_in() {
        let config = config(Some("processor-token"), None);
        assert_eq!(processor(&config, bearer("processor-token")), Ok(()));
        for wrong in ["", "processor-toke", "processor-token2", "Processor-token"] {
            assert_eq!(processor(&config, bearer(wrong)), Err(AuthError::WrongToken), "{wrong:?}");
        }
        assert_eq!(processor(&config, Credentials::default()), Err(AuthError::NoToken));
    }

    #[test]
    fn the_cron_is_told_from_the_operator_by_its_secret() {
        let both = config(Some("processor-token"), Some("cron-secret"));
        assert_eq!(processor_or_cron(&both, bearer("cron-secret")), Ok(ProcessorCaller::Cron));
        assert_eq!(processor_or_cron(&both, bearer("processor-token")), Ok(ProcessorCaller::Operator));
        let same = config(Some("one-and-the-same"), Some("one-and-the-same"));
        let cron = Credentials { bearer: Some("one-and-the-same"), says_cron: true };
        assert_eq!(processor_or_cron(&same, cron), Ok(ProcessorCaller::Cron));
        assert_eq!(processor_or_cron(&same, bearer("one-and-the-same")), Ok(ProcessorCaller::Operator));
    }

    #[test]
    fn a_cron_without_a_secret_is_told_which_variable_is_missing() {
        let cron = Credentials { bearer: None, says_cron: true };
        let answer = processor_or_cron(&config(Some("processor-token"), None), cron);
        assert_eq!(answer, Err(ConfigError::Missing(CRON_SECRET).into()));
    }
}
