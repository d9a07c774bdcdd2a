//! Chromium without a screen, one fresh profile a run, and no network.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::skip::skip;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    name: &'static str,
    dark: bool,
    size: (u32, u32),
}

impl Look {
    /// On a desk and on a phone, light and dark.
    pub const ALL: [Self; 4] = [
        Self { name: "desk-light", dark: false, size: (1280, 2400) },
        Self { name: "desk-dark", dark: true, size: (1280, 2400) },
        Self { name: "phone-light", dark: false, size: (500, 2400) },
        Self { name: "phone-dark", dark: true, size: (500, 2400) },
    ];
    /// On a desk, light.
    pub const DESK: Self = Self::ALL[0];
    /// On a phone, light.
    pub const PHONE: Self = Self::ALL[2];
}

/// A browser, and a folder with pages.
pub struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    /// The browser, or `None` after saying that there is none.
    pub fn new(test: &str) -> Option<Self> {
        let paths = env::var_os("PATH").unwrap_or_default();
        let program =
            env::split_paths(&paths).map(|folder| folder.join("chromium")).find(|path| path.is_file());
        if program.is_none() {
            skip(test, "no chromium (Debian's package of that name)");
        }
        Some(Self { program: program?, folder: tempfile::tempdir().unwrap() })
    }

    /// Puts a page into the folder.
    pub fn open(&self, name: &str, page: &[u8]) {
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
        fs::write(self.folder.path().join(format!("{name}.html")), page).unwrap();
    }

    /// Looks at a page: nothing may be on its console, and the picture may not be empty. The elements after its scripts
    /// ran. `script` runs in the page once it is built.
    pub fn look(&self, page: &str, script: &str, look: Look) -> String {
        let mut name = page.to_owned();
        if !script.is_empty() {
            name = format!("{page}-driven");
            self.drive(page, &name, script);
        }
        let picture = self.folder.path().join(format!("{name}-{}.png", look.name));
        let dom = self.run(&name, look, &["--dump-dom", &format!("--screenshot={}", picture.display())]);
        assert!(fs::metadata(&picture).unwrap().len() > 20_000, "an empty picture");
        if let Some(folder) = env::var_os("EXITPATH_SCREENSHOTS") {
            let page = self.folder.path().join(format!("{name}.html"));
            for file in [&picture, &page] {
                fs::copy(file, Path::new(&folder).join(file.file_name().unwrap())).unwrap();
            }
        }
        let dom = String::from_utf8(dom.stdout).unwrap();
        assert!(dom.contains("data-ready=\"yes\""), "the page was built to its end");
        dom
    }

    /// A copy of a page that a script uses as a reader would. Its policy allows none but the page's own, so it is left
    /// out here: that it lets the page's own run is seen where nothing is driven.
    fn drive(&self, page: &str, name: &str, script: &str) {
        let text = fs::read_to_string(self.folder.path().join(format!("{page}.html"))).unwrap();
        let (head, rest) = text.split_once("<meta http-equiv").unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        let body = rest.replace("</body>", &format!("<script>{script}</script></body>"));
        fs::write(self.folder.path().join(format!("{name}.html")), format!("{head}{body}")).unwrap();
    }

    fn run(&self, name: &str, look: Look, arguments: &[&str]) -> Output {
        let profile = tempfile::tempdir().unwrap();
        let (width, height) = look.size;
        // A browser that hangs is a failure, not a job that never ends.
        let mut command = Command::new("timeout");
        command
            .arg("300")
            .arg(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--enable-logging=stderr",
                "--v=0",
                "--virtual-time-budget=3000",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--window-size={width},{height}"))
            .args(arguments);
        if look.dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        let url = format!("file://{}", self.folder.path().join(format!("{name}.html")).display());
        let output = command.arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let console: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(output.status.success(), "{said}");
        assert!(console.is_empty(), "{console:?}");
        output
    }
}
