//! What a request asks for behind its `?`.

/// Parameters of a query: `a=1&b=2`. Nothing here needs percent encoding.
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn new(query: Option<&'a str>) -> Self {
        Self(query.unwrap_or(""))
    }

    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The value of a name as a number within bounds, or what is wrong with it.
    pub(super) fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>, String> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(format!("{name} is a number from {least} to {most}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn numbers_have_bounds() {
        let query = Query::new(Some("seconds=5&top=x&empty=&seconds=7&big=1e9&nan=NaN"));
        assert_eq!(query.number("seconds", 0.0, 60.0), Ok(Some(5.0)));
        assert_eq!(query.number("absent", 0.0, 60.0), Ok(None));
        for name in ["top", "empty", "big", "nan"] {
            assert!(query.number(name, 0.0, 60.0).is_err(), "{name}");
        }
        assert_eq!(Query::new(None).get("seconds"), None);
    }
}
