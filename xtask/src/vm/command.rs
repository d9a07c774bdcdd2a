//! Guests that run one command, and end with its verdict.

use anyhow::Result;

use super::ended::{End, Outcome};
use super::kernel::Kernel;
use super::qemu::Guest;
use super::{Args, Setting, golden, guests, image};

/// Runs `command` in a guest for every kernel and processor model; true if all passed.
pub fn run(args: &Args, setting: &Setting, command: &[String]) -> Result<bool> {
    let initrd = setting.place.join("initramfs");
    image::write(&initrd, &setting.built, &args.payload(command), args.tracer || golden::is_told(command))?;
    let pairs: Vec<(&Kernel, &str)> =
        setting.kernels.iter().flat_map(|kernel| args.cpu.iter().map(move |cpu| (kernel, &**cpu))).collect();
    let outcomes = guests::run(&pairs, args.jobs, |&(kernel, cpu)| {
        println!("vm: {} on {cpu}", kernel.release);
        let guest = Guest {
            qemu: &setting.qemu,
            kernel: &kernel.image,
            initrd: &initrd,
            cpu,
            smp: &args.smp,
            append: &args.append,
            deadline: args.deadline(),
            icount: args.icount,
            oracle: None,
            logs: setting.place.join(format!("{}-{cpu}", kernel.series)),
            echo: args.verbose,
        };
        guest.boot()
    });
    let mut runs = Vec::new();
    let mut differ = false;
    for ((kernel, cpu), outcome) in pairs.into_iter().zip(outcomes) {
        let outcome = outcome?;
        if !outcome.passed() && !args.verbose {
            outcome.print_tail();
        }
        if golden::is_told(command) {
            differ |= !golden::check(args, &kernel.series, cpu, &outcome)?;
        }
        runs.push((kernel, cpu, outcome));
    }
    print_table(&runs);
    Ok(!differ && runs.iter().all(|(.., outcome)| outcome.passed()))
}

fn print_table(runs: &[(&Kernel, &str, Outcome)]) {
    println!("{:8} {:32} {:16} {:>7}  VERDICT", "SERIES", "KERNEL", "CPU", "SECONDS");
    for (kernel, cpu, outcome) in runs {
        let seconds = outcome.took.as_secs_f64();
        print!("{:8} {:32} {cpu:16} {seconds:>7.1}  {}", kernel.series, kernel.release, outcome.end);
        if let Some(before) = &outcome.before {
            print!(" (booted again after {before})");
        }
        if let End::Verdict(_) = outcome.end {
            println!();
        } else {
            println!(" (logs: {})", outcome.logs.display());
        }
    }
}
