//! Metrics as monitoring reads them: one model, the messages of Prometheus' own protocol, and its three encodings.

mod accept;
mod families;
pub mod native;
pub mod proto;
mod text;

pub use accept::Encoding;
pub use families::{Facts, Histograms, families};

use prost::Message as _;
use proto::MetricFamily;

/// The bytes of an exposition.
#[must_use]
pub fn encode(families: &[MetricFamily], encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Text => text::prometheus(families).into_bytes(),
        Encoding::OpenMetrics => text::openmetrics(families).into_bytes(),
        Encoding::Protobuf => {
            families.iter().flat_map(MetricFamily::encode_length_delimited_to_vec).collect()
        }
    }
}

#[cfg(test)]
mod tests;
