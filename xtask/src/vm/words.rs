//! What stands behind `--`: cases to run, or a command.

use anyhow::{Result, ensure};
use vmtest::cases::{self, Case};

use super::{golden, image};

/// What the guests run.
pub enum Words {
    /// One of our binaries by its name, or a path in the guest; and its arguments.
    Command(Vec<String>),
    /// Cases with their counts.
    Cases(Vec<(&'static Case, u64)>),
}

impl Words {
    /// Whether the guests need the tracer.
    pub fn traced(&self, asked: bool) -> bool {
        match self {
            Self::Cases(_) => true,
            Self::Command(command) => asked || golden::is_told(command),
        }
    }

    /// Reads the words; none means all cases.
    pub fn of(words: &[String]) -> Result<Self> {
        let Some(first) = words.first() else {
            return Ok(Self::Cases(cases::all().map(|case| (case, case.natural)).collect()));
        };
        if first.contains('/') {
            return Ok(Self::Command(words.to_vec()));
        }
        if image::has(first) {
            let mut command = words.to_vec();
            command[0] = format!("/bin/{first}");
            return Ok(Self::Command(command));
        }
        let mut chosen = Vec::new();
        for word in words {
            let before = chosen.len();
            if word.contains('=') {
                chosen.push(cases::parse(word)?);
            } else if let Some(case) = cases::all().find(|case| case.name == word) {
                chosen.push((case, case.natural));
            } else {
                chosen.extend(
                    cases::all().filter(|case| case.name.contains(&**word)).map(|case| (case, case.natural)),
                );
            }
            ensure!(
                chosen.len() > before,
                "`{word}` is no binary of the guests, and no case's name contains it: cases are {}",
                cases::all().map(|case| case.name).collect::<Vec<_>>().join(", ")
            );
        }
        Ok(Self::Cases(chosen))
    }
}

#[cfg(test)]
mod tests {
    use vmtest::cases;

    use super::Words;

    fn words(words: &[&str]) -> Vec<String> {
        match Words::of(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()) {
            Ok(Words::Command(command)) => command,
            Ok(Words::Cases(cases)) => {
                cases.iter().map(|(case, count)| format!("{}={count}", case.name)).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }

    #[test]
    fn binaries_are_commands_and_everything_else_is_cases() {
        assert_eq!(words(&["workload", "--list"]), ["/bin/workload", "--list"]);
        assert_eq!(words(&["exitpath", "doctor"]), ["/bin/exitpath", "doctor"]);
        assert_eq!(words(&["/bin/x", "y"]), ["/bin/x", "y"]);
        assert_eq!(words(&["fork"]), ["fork=20"], "a whole name, though others contain it");
        assert_eq!(words(&["getppid=7", "sa-rest"]), ["getppid=7", "sa-restart=20"]);
        assert!(words(&["elf32"]).len() > 1, "a part of some names");
        assert_eq!(words(&[]).len(), cases::all().count());
        assert!(words(&["nosuch"])[0].contains("getppid"));
    }
}
