//! The pages, opened from disk in headless Chromium: nothing on its console, rows in the tables, plots drawn, on a
//! desk and on a phone, light and dark. `EXITPATH_SCREENSHOTS=FOLDER` keeps the pictures, to be looked at.

#[path = "browser/chromium.rs"]
mod chromium;
#[path = "../src/diff/fixture.rs"]
mod fixture;
mod support;

// What the fixture, written for the library's own tests, names.
use tracer::{diff, environment, metadata, report};

use chromium::{Browser, Look};
use tracer::output::diff::{Format, Options, write};

fn page(comparison: &diff::Comparison) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(Format::Html, comparison, &Options::default(), &mut bytes).unwrap();
    bytes
}

#[test]
fn a_comparison_opens_in_every_look() {
    let Some(browser) = Browser::new("a_comparison_opens_in_every_look") else { return };
    browser.open("diff", &page(&fixture::comparison()));
    for look in Look::ALL {
        let dom = browser.look("diff", "", look);
        assert_eq!(dom.matches("class=\"row\"").count(), 11, "a row for each of all tables");
    }
}
