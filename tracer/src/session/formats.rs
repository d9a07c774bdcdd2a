//! Where the fields of classic tracepoints lie, from their format files in tracefs.

use std::{fs, io, path::Path};

const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The global, the event and the field.
const FIELDS: [(&str, &str, &str); 3] = [
    ("TP_OLD_PID", "sched/sched_process_exec", "old_pid"),
    ("TP_SA_HANDLER", "signal/signal_deliver", "sa_handler"),
    ("TP_SA_FLAGS", "signal/signal_deliver", "sa_flags"),
];

/// All of them; which one is missing.
pub fn read() -> Result<Vec<(&'static str, u32)>, String> {
    let mut why = "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)".to_owned();
    let root = TRACEFS.iter().map(Path::new).find(|root| match fs::read_dir(root.join("events")) {
        Ok(_) => true,
        Err(error) => {
            if error.kind() == io::ErrorKind::PermissionDenied {
                why = format!("{}: {error} (root may read it, and CAP_DAC_READ_SEARCH)", root.display());
            }
            false
        }
    });
    let root = root.ok_or(why)?;
    let mut found = Vec::new();
    for (global, event, field) in FIELDS {
        let path = root.join("events").join(event).join("format");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let at = offset(&text, field).ok_or_else(|| format!("{} has no {field}", path.display()))?;
        found.push((global, at));
    }
    Ok(found)
}

/// The offset in a line such as `field:pid_t old_pid; offset:16; size:4; signed:1;`.
fn offset(format: &str, field: &str) -> Option<u32> {
    let line = format.lines().find(|line| {
        let declaration = line.trim().strip_prefix("field:").and_then(|rest| rest.split(';').next());
        declaration.and_then(|words| words.split_whitespace().last()) == Some(field)
    })?;
    let text = line.split(';').find_map(|part| part.trim().strip_prefix("offset:"))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::offset;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let format = "name: sched_process_exec\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n\n\
            \tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n\tfield:pid_t old_pid;\toffset:16;\tsize:4;\n";
        assert_eq!((offset(format, "pid"), offset(format, "old_pid")), (Some(12), Some(16)));
        assert_eq!(offset(format, "old"), None);
    }
}
