//! Pages of one file that open from disk and ask for nothing: style, scripts, plotting library and data are inside, and
//! a Content Security Policy allows exactly these, by their digests. What comes from recordings is data, never code:
//! it stands in one JSON element, and the scripts make text of it.

mod data;
pub mod report;

use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(super) use data::{curves, points, significant};

/// The most that a page may have, in bytes: mail and bug trackers take it.
pub const LIMIT: usize = 1_000_000;

/// The look of all pages, and of the plots.
pub const STYLE: &str =
    concat!(include_str!("html/vendor/uplot/uPlot.min.css"), include_str!("html/style.css"));
const LIBRARY: &str = include_str!("html/vendor/uplot/uPlot.iife.min.js");
const LICENCE: &str = include_str!("html/vendor/uplot/LICENSE");
/// What all pages share, in the order of use.
const SHARED: [&str; 7] = [
    include_str!("html/dom.js"),
    include_str!("html/format.js"),
    include_str!("html/theme.js"),
    include_str!("html/plots.js"),
    include_str!("html/table.js"),
    include_str!("html/keys.js"),
    include_str!("html/parts.js"),
];

/// Writes a page: `script` is what builds it from `data`.
///
/// # Errors
///
/// Those of the writer.
pub(super) fn write(title: &str, script: &str, data: &Value, to: &mut dyn Write) -> io::Result<()> {
    // In a block of their own, names like `top` are not the window's.
    let script = format!("\"use strict\";\n{LIBRARY}\n{{\n{}\n{script}\n}}\n", SHARED.join("\n"));
    write!(
        to,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}; script-src {}; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <noscript>This page draws its tables with a script; `exitpath --format markdown` and `table` need none.\
         </noscript>\n<main id=\"page\"></main>\n\
         <footer>exitpath {}. Plots by uPlot. <details><summary>Licence of uPlot</summary><pre>{}</pre></details>\
         </footer>\n<script type=\"application/json\" id=\"data\">{}</script>\n<script>{script}</script>\n\
         </body>\n</html>\n",
        digest(STYLE),
        digest(&script),
        escaped(title),
        env!("CARGO_PKG_VERSION"),
        escaped(LICENCE),
        embedded(data),
    )
}

/// What a page takes without its data, about.
pub(super) fn own_size(script: &str) -> usize {
    STYLE.len()
        + LIBRARY.len()
        + LICENCE.len()
        + SHARED.map(str::len).iter().sum::<usize>()
        + script.len()
        + 4_000
}

/// A source expression of a Content Security Policy (CSP level 3, section 2.3.1).
fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON inside a script element. `<` would begin a tag or a comment there; the line separators U+2028 and U+2029 are
/// for readers that take JSON for a script. All of these only occur in strings.
fn embedded(data: &Value) -> String {
    let mut text = data.to_string();
    for (one, escape) in [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        text = text.replace(one, escape);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const README: &str = include_str!("html/vendor/uplot/README.md");

    #[test]
    fn the_library_is_what_its_readme_says() {
        let files: [(&str, &[u8]); 3] = [
            ("uPlot.iife.min.js", LIBRARY.as_bytes()),
            ("uPlot.min.css", include_bytes!("html/vendor/uplot/uPlot.min.css")),
            ("LICENSE", LICENCE.as_bytes()),
        ];
        for (name, bytes) in files {
            let digest = format!("{:x}", Sha256::digest(bytes));
            assert!(README.contains(&format!("| `{name}` | `{digest}` |")), "{name} is {digest}");
        }
    }

    #[test]
    fn data_cannot_leave_its_element() {
        let hostile = "</script><script>alert(1)</script><!--\u{2028}\u{2029}&amp;";
        let text = embedded(&json!({ hostile: [hostile] }));
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ hostile: [hostile] }));
    }

    /// Contrast of two colours like `#1b2027` (WCAG 2.2, "contrast ratio").
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126_f64.mul_add(channel(1), 0.7152_f64.mul_add(channel(3), 0.0722 * channel(5)))
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_is_readable_in_light_and_dark() {
        let colours = |name: &str| {
            let line = STYLE.split_once(&format!("--{name}: light-dark(")).unwrap().1;
            let (light, dark) = line.split_once(')').unwrap().0.split_once(", ").unwrap();
            [light.to_owned(), dark.to_owned()]
        };
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        for text in ["ink", "quiet", "slower", "faster", "equivalent", "inconclusive"] {
            for ground in ["paper", "panel"] {
                for (text, ground) in colours(text).iter().zip(&colours(ground)) {
                    assert!(contrast(text, ground) >= 4.5, "{text} on {ground}: {}", contrast(text, ground));
                }
            }
        }
        for ground in ["mark", "alarm"] {
            for (text, ground) in colours("ink").iter().zip(&colours(ground)) {
                assert!(contrast(text, ground) >= 7.0);
            }
        }
    }

    #[test]
    fn a_page_asks_for_nothing_and_runs_only_its_own_scripts() {
        let mut bytes = Vec::new();
        write("<t>", "// page", &json!({}), &mut bytes).unwrap();
        let page = String::from_utf8(bytes).unwrap();
        assert!(page.contains("<title>&lt;t&gt;</title>"));
        assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
        assert!(!page.contains("unsafe-inline") && !page.contains(" src=") && !page.contains(" href="));
        let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
        assert!(page.contains(&digest(script)), "the policy names the script as it stands in the page");
        assert!(page.len() < 150_000, "{}", page.len());
    }
}
