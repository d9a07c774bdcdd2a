//! What the server's HTTP API answers: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A series of an answer, with its points in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Numbers: when, in seconds since the epoch, and what.
    pub values: Vec<(f64, f64)>,
    /// Native histograms.
    pub histograms: Vec<(f64, Native)>,
}

/// A native histogram as the API writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Native {
    /// How many values; an increase is extrapolated, and so no whole number.
    pub count: f64,
    /// Their sum in seconds.
    pub sum: f64,
    /// Buckets that are not empty, upwards.
    pub buckets: Vec<Bucket>,
}

/// A bucket, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Values in it.
    pub count: f64,
}

/// An answer, or the server's error.
#[derive(Debug, Deserialize)]
pub struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Written>,
}

#[derive(Debug, Deserialize)]
struct Written {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    histogram: Option<(f64, WrittenNative)>,
    #[serde(default)]
    histograms: Vec<(f64, WrittenNative)>,
}

#[derive(Debug, Deserialize)]
struct WrittenNative {
    count: String,
    sum: String,
    #[serde(default)]
    buckets: Vec<(Value, String, String, String)>,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The server said no.
    #[error("the server refuses the query: {0}")]
    Refused(String),
    /// It is not the API's JSON.
    #[error("what it answers is not the JSON of Prometheus' query API ({0})")]
    Foreign(String),
}

impl Answer {
    /// The series of an answer, instant or over a range.
    pub fn parse(text: &[u8]) -> Result<Vec<Series>, AnswerError> {
        let answer: Self =
            serde_json::from_slice(text).map_err(|error| AnswerError::Foreign(error.to_string()))?;
        if answer.status != "success" {
            return Err(AnswerError::Refused(answer.error));
        }
        answer.data.result.into_iter().map(Written::read).collect()
    }
}

impl Written {
    fn read(self) -> Result<Series, AnswerError> {
        let Self { metric, value, values, histogram, histograms } = self;
        let values = value.into_iter().chain(values).map(|(at, text)| Ok((at, number(&text)?)));
        let histograms = histogram.into_iter().chain(histograms).map(|(at, one)| Ok((at, one.read()?)));
        Ok(Series {
            labels: metric,
            values: values.collect::<Result<_, _>>()?,
            histograms: histograms.collect::<Result<_, _>>()?,
        })
    }
}

impl WrittenNative {
    fn read(self) -> Result<Native, AnswerError> {
        let bucket = |(_, low, high, count): (Value, String, String, String)| {
            Ok(Bucket { low: number(&low)?, high: number(&high)?, count: number(&count)? })
        };
        Ok(Native {
            count: number(&self.count)?,
            sum: number(&self.sum)?,
            buckets: self.buckets.into_iter().map(bucket).collect::<Result<_, _>>()?,
        })
    }
}

/// As Go writes floats: `+Inf` and `NaN` too.
fn number(text: &str) -> Result<f64, AnswerError> {
    text.parse().map_err(|_| AnswerError::Foreign(format!("{text:?} is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_answers_are_read() {
        let text = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"path":"iret"},"value":[1.5,"NaN"]},
            {"metric":{},"histogram":[2,{"count":"3","sum":"1e-6","buckets":[[0,"1e-7","2e-7","1"],[3,"-1","+Inf","2"]]}]}]}}"#;
        let series = Answer::parse(text).unwrap();
        assert_eq!((&*series[0].labels["path"], series[0].values[0].0), ("iret", 1.5));
        assert!(series[0].values[0].1.is_nan());
        let native = &series[1].histograms[0].1;
        assert_eq!((native.count, native.sum), (3.0, 1e-6));
        assert_eq!(native.buckets[1], Bucket { low: -1.0, high: f64::INFINITY, count: 2.0 });
        let text = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[3,"4"]]}]}}"#;
        assert_eq!(Answer::parse(text).unwrap()[0].values, [(1.0, 2.0), (3.0, 4.0)]);
    }

    #[test]
    fn errors_are_told_from_other_pages() {
        let refused = Answer::parse(br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#);
        assert_eq!(refused, Err(AnswerError::Refused("parse error".to_owned())));
        for text in ["", "<html>", "[]", r#"{"status":"success","data":{"result":[{"value":[1,"x"]}]}}"#] {
            assert!(matches!(Answer::parse(text.as_bytes()), Err(AnswerError::Foreign(_))), "{text}");
        }
    }
}
