//! The live page: one file, whose own script and style are the only ones that a browser may run.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::header::{self, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, of_type};

const PAGE: &str = include_str!("page.html");

/// The page.
pub(super) fn page() -> Answer {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let policy = POLICY.get_or_init(|| {
        let policy = policy(PAGE);
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    let mut answer = of_type(PAGE.as_bytes().to_vec(), "text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    answer
}

/// Nothing from elsewhere, and nothing inline but what stands in the page itself.
fn policy(page: &str) -> String {
    let hash = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let text =
            page.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(text, _)| text);
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
}

#[cfg(test)]
mod tests {
    use super::{PAGE, policy};

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for outside in ["http:", "https:", "src=", "href=", "@import", "url(", " style=", " onclick="] {
            let found = PAGE.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(outside), "{outside}");
        }
        assert_eq!((PAGE.matches("<script>").count(), PAGE.matches("<style>").count()), (1, 1));
    }

    #[test]
    fn the_policy_names_the_script_it_has() {
        let one = policy("<style>a</style><script>b</script>");
        assert_ne!(one, policy("<style>a</style><script>c</script>"));
        assert!(
            one.contains(
                "default-src 'none'; script-src 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='"
            ),
            "{one}"
        );
    }
}
