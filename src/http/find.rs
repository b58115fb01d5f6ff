//! Which route a path belongs to, for what serves all of them: the local server, and the one function of a plan that has few.

use http::Method;

use super::{ApiError, ROUTES, Response, Route, RouteHandler};

const NOTHING: RouteHandler = |_, _| {
    Box::pin(async { Err::<Response, _>(ApiError::not_found("no_such_route", "there is no route at this path")) })
};

/// Where no route is: every request is answered 404.
pub static NOWHERE: Route = Route::new(
    "nowhere",
    "/",
    &[
        (Method::GET, NOTHING),
        (Method::POST, NOTHING),
        (Method::PUT, NOTHING),
        (Method::PATCH, NOTHING),
        (Method::DELETE, NOTHING),
    ],
);

/// Finds a path's route. One in words beats one with a part that varies, as on the platforms.
pub fn find(path: &str) -> Option<&'static Route> {
    let exact = ROUTES.into_iter().find(|route| route.path == path);
    exact.or_else(|| ROUTES.into_iter().find(|route| route.matches(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_words_beats_one_that_varies() {
        let name = |path| find(path).map(|route| route.name);
        assert_eq!(name("/api/jobs/process"), Some("jobs-process"));
        assert_eq!(name("/api/jobs/job-1"), Some("jobs-id"));
        assert_eq!(name("/api/jobs"), None);
    }
}
