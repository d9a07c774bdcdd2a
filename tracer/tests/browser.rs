//! The pages, opened from disk in headless Chromium: nothing on its console, rows in the tables, plots drawn, on a
//! desk and on a phone, light and dark. `EXITPATH_SCREENSHOTS=FOLDER` keeps pages and pictures, to be looked at.

#[path = "browser/chromium.rs"]
mod chromium;
#[path = "../src/diff/fixture/mod.rs"]
mod fixture;
#[path = "support/skip.rs"]
mod skip;
mod support;

// What the fixture, written for the library's own tests, names.
use tracer::{diff, environment, metadata, report};

use std::process::Command;

use chromium::{Browser, Look};
use tracer::{
    output::diff::{Format, Options, write},
    report::{Report, View},
};

fn page(comparison: &diff::Comparison) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(Format::Html, comparison, &Options::default(), &mut bytes).unwrap();
    bytes
}

fn rows(dom: &str) -> usize {
    dom.matches("<tr class=\"row").count()
}

#[test]
fn a_comparison_opens_in_every_look() {
    let Some(browser) = Browser::new("a_comparison_opens_in_every_look") else { return };
    browser.open("diff", &page(&fixture::comparison()));
    for look in Look::ALL {
        let dom = browser.look("diff", "", look);
        assert_eq!(rows(&dom), 7 + 2 + 1 + 1, "all tables");
        assert!(dom.contains("Simpson's paradox: every path is faster, and the call slower"));
        assert!(dom.contains("not comparable") || dom.contains("Not comparable"));
        assert!(dom.contains("quiet mitigations=off"), "environment");
        assert!(dom.contains("Permission is hereby granted"), "the library's licence");
    }
}

#[test]
fn a_phone_need_not_be_scrolled_sideways() {
    let Some(browser) = Browser::new("a_phone_need_not_be_scrolled_sideways") else { return };
    browser.open("diff", &page(&fixture::comparison()));
    let measure =
        "const root = document.documentElement; root.dataset.over = root.scrollWidth - root.clientWidth;";
    let dom = browser.look("diff", &format!("{OPEN_FIRST}{measure}"), Look::PHONE);
    assert!(dom.contains("data-over=\"0\""), "{}", dom.lines().take(2).collect::<String>());
}

/// Presses keys as a reader would, then says how many points of each plot are painted.
const OPEN_FIRST: &str = r#"
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
press("j"); press("Enter"); press("t");
setTimeout(() => {
  const painted = [...document.querySelectorAll("canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length;
  });
  document.documentElement.dataset.painted = painted.map((points) => points > 2000).join(" ");
}, 1000);
"#;

#[test]
fn keys_open_a_row_and_its_plots_are_drawn() {
    let Some(browser) = Browser::new("keys_open_a_row_and_its_plots_are_drawn") else { return };
    browser.open("diff", &page(&fixture::comparison()));
    let dom = browser.look("diff", OPEN_FIRST, Look::DESK);
    assert!(dom.contains("data-painted=\"true true\""), "distribution and shift");
    assert!(dom.contains("data-theme=\"dark\""), "t changes the theme");
    assert!(dom.contains("aria-expanded=\"true\"") && dom.contains("class=\"detail\""));
}

/// Filters by a word, presses a verdict, and sorts by a column.
const FILTER: &str = r#"
const search = document.querySelector("input[type=search]");
document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
const focused = document.activeElement === search;
search.value = "KILL iret"; search.dispatchEvent(new Event("input"));
const table = search.closest("section");
const names = () => [...table.querySelectorAll("td.name")].map((cell) => cell.firstChild.textContent).join(",");
const said = [focused, names()];
search.value = ""; search.dispatchEvent(new Event("input"));
table.querySelector(".chip.faster").click();
said.push(names());
table.querySelector(".chip.faster").click();
table.querySelector("thead button").click();
said.push(names(), table.querySelector("th").getAttribute("aria-sort"));
search.blur();
document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "?", bubbles: true }));
said.push(document.querySelector("dialog").open);
document.documentElement.dataset.said = said.join(";");
"#;

#[test]
fn a_table_filters_and_sorts() {
    let Some(browser) = Browser::new("a_table_filters_and_sorts") else { return };
    browser.open("diff", &page(&fixture::comparison()));
    let dom = browser.look("diff", FILTER, Look::DESK);
    let said = dom.split_once("data-said=\"").unwrap().1.split_once('"').unwrap().0;
    assert_eq!(
        said,
        "true;kill;kill,kill;getppid,getppid (i386),kill,kill,pidfd_send_signal,read,read (i386);ascending;true"
    );
}

#[test]
fn three_hundred_series_fit_and_open() {
    let Some(browser) = Browser::new("three_hundred_series_fit_and_open") else { return };
    browser.open("large", &page(&fixture::large(300)));
    let dom = browser.look("large", OPEN_FIRST, Look::DESK);
    assert_eq!(rows(&dom), 300 + 300 + 2 + 1);
    assert!(dom.contains("data-painted=\"true true\""));
}

#[test]
fn names_from_recordings_stay_text() {
    let Some(browser) = Browser::new("names_from_recordings_stay_text") else { return };
    let hostile =
        "</script><script>console.error(1)</script><img src=x onerror=console.error(2)>\u{2028}'\"&amp;";
    let mut comparison = fixture::comparison();
    comparison.base.label = hostile.to_owned();
    comparison.notes = vec![hostile.to_owned()];
    comparison.environment[0].new = hostile.to_owned();
    if let diff::Subject::Series(call, _) = &mut comparison.service[0].subject {
        call.name = hostile.to_owned();
    }
    browser.open("hostile", &page(&comparison));
    let dom = browser.look("hostile", "", Look::DESK);
    assert_eq!(rows(&dom), 11);
    assert!(!dom.contains("<img"));
}

#[test]
fn a_recording_opens_and_its_plots_are_drawn() {
    let Some(browser) = Browser::new("a_recording_opens_and_its_plots_are_drawn") else { return };
    let mut bytes = Vec::new();
    let report = Report::new(&support::metadata(), &support::interval(3), &View::default());
    tracer::output::html::report::write(&report, &mut bytes).unwrap();
    browser.open("report", &bytes);
    for look in [Look::ALL[0], Look::ALL[3]] {
        let dom = browser.look("report", "", look);
        assert_eq!(rows(&dom), 3);
        assert!(dom.contains("sysret") && dom.contains("Own cost") && dom.contains("tid-collision 0"));
    }
    let dom = browser.look("report", OPEN_FIRST, Look::DESK);
    assert!(dom.contains("data-painted=\"true true\""), "the row's, and turnaround's");
}

#[test]
fn recordings_become_a_page() {
    let Some(browser) = Browser::new("recordings_become_a_page") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut head = support::metadata();
    for side in ["base", "new"] {
        std::fs::create_dir(folder.path().join(side)).unwrap();
        for run in 0..4 {
            let path = folder.path().join(side).join(format!("{run}.hlog"));
            // Two recordings of one moment would be one run.
            head.started_at += 60.0;
            support::record(&path, &head, 4 + run);
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_exitpath"))
        .current_dir(folder.path())
        .args(["diff", "--format", "html", "--resamples", "200", "base", "--", "new"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    browser.open("real", &output.stdout);
    let dom = browser.look("real", OPEN_FIRST, Look::DESK);
    assert!(dom.contains("data-painted=\"true true\""));
    assert!(dom.contains("exitpath diff --format html"), "how to repeat it");
}
