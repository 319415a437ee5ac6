use super::Cidr;

#[test]
fn addresses_are_in_or_out() {
    let cases = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("127.0.0.1/8", "127.9.9.9", true),
        ("0.0.0.0/0", "203.0.113.9", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7/32", "192.0.2.8", false),
        ("192.0.2.0/24", "::ffff:192.0.2.9", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("::/0", "2001:db8::1", true),
        ("::1", "::1", true),
        ("::1/128", "::2", false),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true),
    ];
    for (set, address, expected) in cases {
        let set_of = Cidr::parse(set).unwrap_or_else(|| panic!("{set} is a set"));
        assert_eq!(set_of.contains(address.parse().unwrap()), expected, "{address} in {set}");
    }
}

#[test]
fn what_is_no_set_is_refused() {
    for text in ["", "/8", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "a"] {
        assert_eq!(Cidr::parse(text), None, "{text}");
    }
}
