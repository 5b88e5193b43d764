//! Puts the URI of a component together, from values that may hold anything. Pure.

/// The URI of a component of `kind`, which is read back as these options.
pub(crate) fn of<'a>(
    kind: &str,
    endpoint: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let options: Vec<String> =
        options.into_iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    // In an endpoint nothing is decoded, but variables are put in.
    format!("{kind}:{}?{}", endpoint.replace('$', "$$"), options.join("&"))
}

fn encoded(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/' | b',');
    let encode = |byte: u8| match byte {
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use eventer_core::ComponentUri;

    use super::*;

    #[test]
    fn what_is_put_in_is_read_back() {
        for value in ["", "a b", "^web-\\d+$", "$HOME", "${x}", "50%", "a&b=c#d?e;f+g", "ü"] {
            let uri = of("k", "/a$b", [("x", value), ("y", "")]);
            let uri = ComponentUri::parse("--source", &uri, &()).unwrap();
            assert_eq!((uri.kind(), uri.endpoint()), ("k", "/a$b"));
            let options = [("x".to_owned(), Some(value.to_owned())), ("y".to_owned(), Some(String::new()))];
            assert_eq!(uri.options(), options);
        }
    }
}
