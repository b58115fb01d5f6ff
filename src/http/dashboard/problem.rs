//! What a caller is told who gets no page: a browser a page that says so, any other the usual problem.

use http::{Method, StatusCode};

use super::page::{self, Shell};
use super::session;
use crate::config::ConfigError;
use crate::http::{ApiError, Request, Response};
use crate::upstash::UpstashError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nobody is signed in.
    SignIn(SignIn),
    /// A form that was not written here for this session.
    ForeignForm,
    /// Anything else.
    Api(ApiError),
}

/// Why somebody has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    NoSession,
    Invalid,
    Ended,
    WrongToken,
}

impl SignIn {
    fn code(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::Invalid => "session_invalid",
            Self::Ended => "session_ended",
            Self::WrongToken => "wrong_token",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::NoSession => "sign in with the processor's token",
            Self::Invalid => "the session's cookie is not one of this deployment, or was changed; sign in again",
            Self::Ended => "the session has ended; sign in again",
            Self::WrongToken => "the token is not valid here",
        }
    }
}

const FOREIGN_FORM: &str =
    "the form was not sent from a page of this session; nothing was done. Open the page again and repeat it there";

impl From<SignIn> for Problem {
    fn from(sign_in: SignIn) -> Self {
        Self::SignIn(sign_in)
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<UpstashError> for Problem {
    fn from(error: UpstashError) -> Self {
        Self::Api(error.into())
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::Api(error.into())
    }
}

impl Problem {
    /// Writes the answer.
    pub(super) fn answer(self, request: &Request) -> Result<Response, ApiError> {
        let (sign_in, error) = match self {
            Self::SignIn(why) => (Some(why), ApiError::new(StatusCode::UNAUTHORIZED, why.code(), why.detail())),
            Self::ForeignForm => (None, ApiError::new(StatusCode::FORBIDDEN, "foreign_form", FOREIGN_FORM)),
            Self::Api(error) if request.method == Method::POST => (None, error),
            Self::Api(error) => (None, error.of_a_question()),
        };
        if !request.header("accept").unwrap_or_default().contains("text/html") {
            return Err(error);
        }
        let mut response = match sign_in {
            Some(why) => page::sign_in(Some(why.detail()).filter(|_| why != SignIn::NoSession))?,
            None => page::message(&Shell::bare("Something is in the way"), &error)?,
        };
        *response.status_mut() = error.status();
        if matches!(sign_in, Some(SignIn::Invalid | SignIn::Ended)) {
            response.headers_mut().insert("set-cookie", session::end(request));
        }
        Ok(error.coded(response))
    }
}
