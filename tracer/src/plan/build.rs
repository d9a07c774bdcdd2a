//! The plans as values: which programs each has on a kernel with these facts.

mod finals;
mod tracepoints;

use super::{Plan, Wish, probes};
use crate::kernel::Facts;

/// Whether a program can look at the running task and its registers by their types.
fn typed(facts: &Facts) -> bool {
    ["btf", "typed-task", "task-regs"].iter().all(|fact| facts.get(fact).is_yes())
}

/// The plan of this name, in its variants, the best first; why it cannot do what is asked of it.
pub fn plans(name: &str, facts: &Facts, wish: &Wish<'_>) -> Result<Vec<Plan>, String> {
    let one = |plan| vec![plan];
    match name {
        "final-hook" => finals::final_hook(facts, wish),
        "prepare-hook" => finals::prepare_hook(facts, wish),
        "quiet" => finals::quiet(facts, wish).map(one),
        "amend" => tracepoints::amend(facts, wish).map(one),
        "tracepoints" => tracepoints::tracepoints(facts, wish).map(one),
        "handlers" => probes::handlers(facts, wish).map(one),
        "do-syscall-ret" => probes::do_syscall_ret(facts, wish).map(one),
        _ => Err(format!("there is no plan {name}")),
    }
}
