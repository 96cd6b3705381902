//! How is a number of bytes written?

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("is not a size: a whole number of bytes, or of Ki, Mi or Gi, as in 64Ki or 10Mi")]
    Form,
    #[error("has a unit that could mean two things; write {0} (1,024-based) instead")]
    Unit(String),
}

/// Parses `512`, `64Ki`, `10Mi`, `1Gi`. `10m` is refused with a hint (in Kubernetes it means 10 thousandths).
pub fn parse(raw: &str) -> Result<u64, SizeError> {
    let digits_len = raw.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = raw.split_at(digits_len);
    let number: u64 = digits.parse().map_err(|_| SizeError::Form)?;
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        "k" | "K" | "KB" | "kb" => return Err(SizeError::Unit(format!("{digits}Ki"))),
        "m" | "M" | "MB" | "mb" => return Err(SizeError::Unit(format!("{digits}Mi"))),
        "g" | "G" | "GB" | "gb" => return Err(SizeError::Unit(format!("{digits}Gi"))),
        _ => return Err(SizeError::Form),
    };
    number.checked_mul(1 << shift).ok_or(SizeError::Form)
}

/// Writes a size in the largest unit that divides it.
pub fn format(bytes: u64) -> String {
    for (unit, shift) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_and_a_hint_for_the_others() {
        assert_eq!(parse("64Ki"), Ok(65_536));
        assert_eq!(parse("1Gi"), Ok(1 << 30));
        assert_eq!(parse("512"), Ok(512));
        assert_eq!(parse("10m"), Err(SizeError::Unit("10Mi".into())));
        assert_eq!(parse("Ki"), Err(SizeError::Form));
        assert_eq!(parse("99999999999Gi"), Err(SizeError::Form));
        assert_eq!(format(65_536), "64Ki");
        assert_eq!(format(1000), "1000");
    }
}
