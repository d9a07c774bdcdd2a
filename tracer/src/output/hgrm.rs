//! `HdrHistogram`'s percentile distribution as text, one a series: what its plotters read. A line that begins with `#[`
//! and a tag says whose it is; a plotter that takes one distribution a file takes the part below it.

use std::io::{self, Write};

use crate::{histogram::Histogram, recording::to_hdr, report::Report};

/// Steps from one halving of the distance to 100 % to the next, as in the reference implementation.
const TICKS_PER_HALF: u32 = 5;

/// Writes the service time of all rows, then turnaround by path.
///
/// # Errors
///
/// Those of the writer.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut first = true;
    let mut one = |tag: &str, histogram: &Histogram| {
        if histogram.count == 0 {
            return Ok(());
        }
        if !std::mem::replace(&mut first, false) {
            writeln!(to)?;
        }
        writeln!(to, "#[{tag}, in ns]")?;
        distribution(histogram, to)
    };
    for row in &report.rows {
        let call = row
            .call
            .as_ref()
            .map_or_else(|| "all".to_owned(), |call| format!("{}.{}", call.abi.name(), call.name));
        one(&format!("{call}.{}", row.path()), &row.histogram)?;
    }
    for turnaround in &report.turnaround {
        one(&format!("turnaround.{}", turnaround.path.name()), &turnaround.histogram)?;
    }
    Ok(())
}

/// One distribution, to the letter as `outputPercentileDistribution` of the reference implementation writes it.
fn distribution(histogram: &Histogram, to: &mut dyn Write) -> io::Result<()> {
    let hdr = to_hdr(histogram)?;
    let digits = usize::from(histogram.precision.digits());
    writeln!(to, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut seen = 0;
    for step in hdr.iter_quantiles(TICKS_PER_HALF) {
        seen += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
        write!(to, "{value:>12.digits$} {quantile:.12} {seen:>10}")?;
        // The last line is everything: 1/(1-1) is left out.
        if quantile < 1.0 {
            write!(to, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(to)?;
    }
    let (mean, deviation, max) = (hdr.mean(), hdr.stdev(), hdr.max() as f64);
    let sub_buckets = 1_u64 << (u64::BITS - (2 * 10_u64.pow(digits as u32) - 1).leading_zeros());
    let buckets = (0..u64::BITS).find(|&bucket| (sub_buckets << bucket) > hdr.high()).unwrap_or(0) + 1;
    writeln!(to, "#[Mean    = {mean:>12.digits$}, StdDeviation   = {deviation:>12.digits$}]")?;
    writeln!(to, "#[Max     = {max:>12.digits$}, Total count    = {:>12}]", hdr.len())?;
    writeln!(to, "#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]")
}

#[cfg(test)]
mod tests {
    use crate::report::{View, fixture::report};

    #[test]
    fn literally() {
        let mut bytes = Vec::new();
        super::write(&report(&View { top: Some(2), ..View::default() }), &mut bytes).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
    }
}
