//! What the oracle says of a case, as lines of JSON.

use serde::{Deserialize, Serialize};

use crate::expect::{Abi, Path};

/// One line of the oracle's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "line")]
pub enum Line {
    /// Where it found the task's numbers and the parent's pointer in this kernel's `task_struct`.
    Layout {
        /// Bytes to the thread number; the process number follows it.
        numbers: u64,
        /// Bytes to the pointer to the parent.
        parent: u64,
    },
    /// Returns to user mode that are alike in everything.
    Return(Return),
    /// The end of a case: what was seen and is in no row.
    End {
        /// The case.
        case: u64,
        /// Returns to user mode that ended no call: interrupts, exceptions.
        other: u64,
        /// First returns of tasks whose creator is not known; their rows are missing.
        orphans: u64,
    },
    /// Something went wrong, and rows are missing.
    Trouble {
        /// What.
        said: String,
    },
}

/// Returns to user mode that are alike in everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The case, by the number its end was announced with.
    pub case: u64,
    /// The entry.
    pub abi: Abi,
    /// The number as it stood in EAX.
    pub nr: i32,
    /// The instruction.
    pub path: Path,
    /// First returns of new tasks, counted for the call that made them.
    pub newborn: bool,
    /// How many.
    pub n: u64,
}
