//! A length of time as it is typed: `90m`, `72h`, `30d`.

use kaishin_domain::time::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number and m, h or d: 90m, 72h, 30d")]
pub struct BadSpan;

pub fn parse(text: &str) -> Result<Span, BadSpan> {
    let unit = text.chars().last().ok_or(BadSpan)?;
    let number = text.strip_suffix(unit).ok_or(BadSpan)?;
    let one = match unit {
        'm' => Span::minutes(1),
        'h' => Span::hours(1),
        'd' => Span::days(1),
        _ => return Err(BadSpan),
    };
    let number: u32 = number.parse().map_err(|_| BadSpan)?;
    one.0.checked_mul(i64::from(number)).map(Span).ok_or(BadSpan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_typed() {
        assert_eq!(parse("90m"), Ok(Span::minutes(90)));
        assert_eq!(parse("72h"), Ok(Span::hours(72)));
        assert_eq!(parse("30d"), Ok(Span::days(30)));
        for bad in ["", "d", "30", "-1d", "3 d", "1y", "三日", "99999999999d"] {
            assert_eq!(parse(bad), Err(BadSpan), "{bad}");
        }
    }
}
