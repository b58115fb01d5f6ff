//! Every route in one function on Vercel, for `vercel.hobby.json`: a Hobby deployment has at most 12 functions.

fn main() -> std::process::ExitCode {
    on_vercel::serve_by(|path| holdfast::http::find(path).unwrap_or(&holdfast::http::NOWHERE))
}
