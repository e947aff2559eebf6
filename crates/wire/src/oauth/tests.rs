//! Forms as clients send them, and forms that cannot be read in one way.

use super::*;

fn check(body: &str, expected: &str) {
    let read = match TokenForm::parse(body.as_bytes()) {
        Ok(form) => {
            let secret = form.client_secret.as_ref().map(SecretText::expose);
            let assertion = form.client_assertion.as_ref().map(SecretText::expose);
            let parts = [
                form.grant_type.as_deref(),
                form.client_id.as_deref(),
                secret,
                assertion,
                form.scope.as_deref(),
                form.resource.as_deref(),
            ];
            parts.map(|part| part.unwrap_or("-")).join(" ")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(read, expected, "{body}");
}

#[test]
fn a_form_of_msal_is_read_and_what_does_not_count_is_let_be() {
    check(
        "client_id=a&grant_type=client_credentials&client_info=1&client_secret=s%7E%2B&claims=%7B%7D\
         &scope=https%3A%2F%2Fh%3A1%2F%2F.default",
        "client_credentials a s~+ - https://h:1//.default -",
    );
    check("grant_type=x&resource=https://h/&scope=&client_assertion=j", "x - - j - https://h/");
    check("", "- - - - - -");
    check("&claims=1&claims=2&", "- - - - - -");
}

#[test]
fn what_cannot_be_read_in_one_way_is_refused_without_its_value() {
    check("client_secret=s3cret%zz", "The request body is not a percent-encoded form.");
    check("client_secret=s3cret%ff", "The request body is not a percent-encoded form.");
    let doubled =
        "The request is not properly formatted. The parameter 'client_secret' is duplicated.";
    check("client_secret=s3cret&client_secret=", doubled);
    check("client_secret=&client%5Fsecret=s3cret", doubled);
    assert!(TokenForm::parse(b"scope=\xff").is_err());
}

#[test]
fn no_secret_is_in_a_debug() {
    let form = TokenForm::parse(b"client_secret=s3cret&client_assertion=s3cret").unwrap();
    assert!(!format!("{form:?}").contains("s3cret"));
}

#[test]
fn the_client_authentication_of_http_is_read() {
    let of = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let read = |header: &str| {
        let read = basic_credentials(header)?;
        Some((read.0, read.1.expose().to_owned()))
    };
    let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
    assert_eq!(read(&of("a:b:c")), pair("a", "b:c"));
    assert_eq!(read(&of("a%3A:b%2B+")), pair("a:", "b+ "));
    assert_eq!(read("basic YTpi"), pair("a", "b"));
    for other in ["Bearer YTpi", "Basic", "Basic !", &of("no colon"), &of("a:%")] {
        assert_eq!(read(other), None, "{other}");
    }
}
