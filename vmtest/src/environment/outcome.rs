//! What the tracer made of an environment.

use std::process::Output;

use serde::Deserialize;
use serde_json::Value;

/// The tracer's code for "tracing is not possible here".
const CANNOT_TRACE: i32 = 3;

/// A plan as the tracer's JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it claims.
    pub fidelity: String,
    /// What it does not see.
    pub blind_spots: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It traced.
    Ran(Plan),
    /// Code 3 and one line.
    Refused(String),
    /// Anything else: another code, no result, more than a line.
    Broken(String),
}

impl Outcome {
    /// Of `exitpath record --format json`.
    #[must_use]
    pub fn of_record(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => Self::plan(&output.stdout, "/plan"),
            Some(CANNOT_TRACE) if said.lines().count() == 1 && output.stdout.is_empty() => {
                Self::Refused(said.trim().to_owned())
            }
            _ => Self::Broken(format!("{}: {}", output.status, said.trim())),
        }
    }

    /// Of `exitpath doctor --json`: which never fails, and chooses a plan or none.
    #[must_use]
    pub fn of_doctor(output: &Output) -> Self {
        let chosen = Self::plan(&output.stdout, "/chosen");
        match chosen {
            Self::Broken(_) if json(&output.stdout).is_some_and(|all| all["chosen"].is_null()) => {
                Self::Refused("doctor chooses no plan".to_owned())
            }
            Self::Broken(why) => {
                Self::Broken(format!("{why} ({})", String::from_utf8_lossy(&output.stderr).trim()))
            }
            other => other,
        }
    }

    fn plan(stdout: &[u8], place: &str) -> Self {
        let found = json(stdout).and_then(|all| all.pointer(place).cloned());
        found
            .and_then(|plan| serde_json::from_value(plan).ok())
            .map_or_else(|| Self::Broken(format!("its JSON has no {place}")), Self::Ran)
    }

    /// In a few words.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Ran(plan) => format!("plan {}, fidelity {}", plan.name, plan.fidelity),
            Self::Refused(line) => format!("code {CANNOT_TRACE}: {line}"),
            Self::Broken(why) => format!("broken: {why}"),
        }
    }

    /// Whether `doctor` foretold what `record` did.
    #[must_use]
    pub fn foretells(&self, record: &Self) -> bool {
        match (self, record) {
            (Self::Ran(told), Self::Ran(ran)) => (&told.name, &told.fidelity) == (&ran.name, &ran.fidelity),
            (Self::Refused(_), Self::Refused(_)) => true,
            _ => false,
        }
    }
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::{Outcome, Plan};

    fn output(code: i32, stdout: &str, stderr: &str) -> Output {
        let status = ExitStatus::from_raw(code << 8);
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_refusal_is_one_line_and_a_plan_has_all_its_parts() {
        let plan = r#"{"name":"amend","fidelity":"amended","blind_spots":[]}"#;
        let ran = Outcome::of_record(&output(0, &format!(r#"{{"plan":{plan}}}"#), ""));
        let same = Plan { name: "amend".into(), fidelity: "amended".into(), blind_spots: Vec::new() };
        assert_eq!(ran, Outcome::Ran(same));
        let told = Outcome::of_doctor(&output(0, &format!(r#"{{"chosen":{plan}}}"#), ""));
        assert!(told.foretells(&ran));
        let refused = Outcome::of_record(&output(3, "", "exitpath: no; why\n"));
        assert_eq!(refused, Outcome::Refused("exitpath: no; why".into()));
        assert!(Outcome::of_doctor(&output(0, r#"{"chosen":null}"#, "")).foretells(&refused));
        assert!(!told.foretells(&refused));
        for (code, stdout, stderr) in [(3, "", "a\nb\n"), (1, "", "a\n"), (0, "{}", ""), (0, "", "")] {
            let outcome = Outcome::of_record(&output(code, stdout, stderr));
            assert!(matches!(outcome, Outcome::Broken(_)), "{code} {stdout} {stderr}: {outcome:?}");
        }
        assert!(matches!(Outcome::of_doctor(&output(0, "{}", "")), Outcome::Refused(_)));
        assert!(matches!(Outcome::of_doctor(&output(101, "", "panicked")), Outcome::Broken(_)));
    }
}
