//! The token that a client must show, if one is set.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// What is compared instead of the token: of one length, so that comparing takes the same time whatever is shown.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether an `Authorization` header shows it: as a bearer token (RFC 6750), or as the password of any user (RFC 7617),
/// which is what a browser can do.
pub(super) fn shows(header: Option<&str>, token: [u8; 32]) -> bool {
    let Some((scheme, rest)) = header.and_then(|header| header.split_once(' ')) else { return false };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return digest(rest) == token;
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return false;
    }
    let decoded = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.as_deref().and_then(|pair| pair.split_once(':')).is_some_and(|(_, word)| digest(word) == token)
}

#[cfg(test)]
mod tests {
    use super::{digest, shows};

    #[test]
    fn only_the_token_opens() {
        let token = digest("s3cret");
        for header in
            ["Bearer s3cret", "bearer  s3cret", "Basic YW55Om" /* cut */, "Basic YW55OnMzY3JldA=="]
        {
            assert_eq!(shows(Some(header), token), header != "Basic YW55Om", "{header}");
        }
        for header in
            [None, Some(""), Some("s3cret"), Some("Bearer "), Some("Bearer s3cre"), Some("Digest s3cret")]
        {
            assert!(!shows(header, token), "{header:?}");
        }
    }
}
