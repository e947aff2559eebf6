//! What is refused before it reaches a handler: requests that two readers could read differently, such
//! as a proxy that has rules for paths and this server behind it. Nothing is mended, so nothing is
//! read twice.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, header};
use wire::text::Excerpt;

use crate::error::ApiError;
use crate::limits;

/// Methods that some call here, or a client's look-around, has.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Hands a request on if there is one way to read it.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    if !METHODS.contains(request.method()) {
        return ApiError::Method(request.method().to_string()).into_response();
    }
    // Source: RFC 9112, section 3.2.
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return ApiError::Ambiguous("there are two 'Host' headers".to_owned()).into_response();
    }
    match check_path(request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(reason) => ApiError::Ambiguous(reason).into_response(),
    }
}

/// Whether a path has one reading: every segment is a name of printable UTF-8.
fn check_path(path: &str) -> Result<(), String> {
    if path.len() > limits::PATH_BYTES {
        return Err(format!("the path has more than {} bytes", limits::PATH_BYTES));
    }
    path.split('/').try_for_each(|segment| match flaw(segment) {
        Some(flaw) => Err(format!("the path segment {} {flaw}", Excerpt::new(segment))),
        None => Ok(()),
    })
}

/// Why a segment of a path is no plain name.
fn flaw(segment: &str) -> Option<&'static str> {
    let Some(name) = decoded(segment) else { return Some("is not percent-encoded UTF-8") };
    if matches!(name.as_str(), "." | "..") {
        return Some("leads elsewhere");
    }
    if name.contains(['/', '\\']) {
        return Some("has a slash or backslash in it");
    }
    name.chars().any(char::is_control).then_some("has a control character in it")
}

/// The segment without its percent-encoding, once.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading_or_none() {
        for plain in
            ["/", "/a/b", "//a", "/a%20b", "/%C3%A4", "/a.b/..c/c..", "/a;b=c", "/%252e%252e"]
        {
            assert_eq!(check_path(plain), Ok(()), "{plain}");
        }
        for (strange, reason) in [
            ("/a/../b", "leads elsewhere"),
            ("/a/%2e%2E/b", "leads elsewhere"),
            ("/.%2e", "leads elsewhere"),
            ("/a/./b", "leads elsewhere"),
            ("/a%2fb", "slash"),
            ("/a%2Fb", "slash"),
            ("/a%5cb", "backslash"),
            ("/a\\b", "backslash"),
            ("/a%00", "control"),
            ("/a%0d%0aX", "control"),
            ("/a%7f", "control"),
            ("/a%", "percent-encoded"),
            ("/a%2", "percent-encoded"),
            ("/a%zz", "percent-encoded"),
            ("/%+1", "percent-encoded"),
            ("/%ff", "percent-encoded"),
            ("/%c0%ae", "percent-encoded"),
        ] {
            let refused = check_path(strange).unwrap_err();
            assert!(refused.contains(reason), "{strange}: {refused}");
        }
        assert_eq!(
            check_path(&"/a".repeat(limits::PATH_BYTES)),
            Err("the path has more than 8192 bytes".to_owned())
        );
    }
}
