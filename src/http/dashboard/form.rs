//! Forms, as browsers send them.

use crate::http::{ApiError, Request};

/// The fields of a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a request's body.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let kind = request.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail = "the body is no form; expected application/x-www-form-urlencoded";
            return Err(ApiError::new(http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_form", detail));
        }
        Ok(Self(url::form_urlencoded::parse(&request.body).into_owned().collect()))
    }

    /// Returns a field that stands once; an empty text where it is not there.
    pub(super) fn one(&self, name: &str) -> Result<&str, ApiError> {
        match self.all(name)[..] {
            [] => Ok(""),
            [value] => Ok(value),
            _ => Err(ApiError::invalid("invalid_field", format!("{name} stands twice in the form"))),
        }
    }

    /// Returns all values of a field.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}
