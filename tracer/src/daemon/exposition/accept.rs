//! Which encoding a scraper wants: RFC 9110 section 12.5.1, for the three media types there are.

/// An encoding of an exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Prometheus text, version 0.0.4.
    Text,
    /// `OpenMetrics` text, version 1.0.0.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily` messages: the only one that carries native histograms.
    Protobuf,
}

impl Encoding {
    /// What an `Accept` header prefers; text where it says nothing that is understood.
    #[must_use]
    pub fn of(accept: &str) -> Self {
        let mut best = (Self::Text, 0.0);
        for range in accept.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let Some(media) = parts.next() else { continue };
            let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let value = |name: &str| {
                let found = parameters.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().trim_matches('"'))
            };
            let encoding = match &*media.to_ascii_lowercase() {
                "application/vnd.google.protobuf"
                    if value("proto") == Some("io.prometheus.client.MetricFamily")
                        && value("encoding") == Some("delimited") =>
                {
                    Self::Protobuf
                }
                "application/openmetrics-text" if matches!(value("version"), None | Some("1.0.0")) => {
                    Self::OpenMetrics
                }
                "text/plain" if matches!(value("version"), None | Some("0.0.4")) => Self::Text,
                "text/*" | "*/*" => Self::Text,
                _ => continue,
            };
            let weight = value("q").map_or(Ok(1.0), str::parse::<f64>);
            let Ok(weight) = weight else { continue };
            if weight > best.1 && weight <= 1.0 {
                best = (encoding, weight);
            }
        }
        best.0
    }

    /// The `Content-Type` of the answer.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding;
    use proptest::prelude::*;

    #[test]
    fn scrapers_get_what_they_ask_for() {
        let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                      application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                      application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(Encoding::of(native), Encoding::Protobuf);
        let text =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(Encoding::of(text), Encoding::OpenMetrics);
        for plain in [
            "",
            "*/*",
            "text/html",
            "text/plain",
            "application/json;q=1",
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=x;encoding=delimited",
            "application/openmetrics-text;q=none",
            ";;;=,,;q",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(Encoding::of(plain), Encoding::Text, "{plain}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(accept in "\\PC{0,200}") {
            let _ = Encoding::of(&accept);
        }
    }
}
