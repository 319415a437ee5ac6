//! Addresses by their prefix: who is counted as one source. Owns no state.

use std::net::IpAddr;

/// How many bits of an address of each family count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    pub ipv4_bits: u8,
    pub ipv6_bits: u8,
}

impl Prefixes {
    /// The same number for all addresses of one prefix. An IPv4-mapped address is the IPv4 address
    /// that it is.
    pub fn key(self, address: IpAddr) -> u128 {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = u32::from(address) & mask(u32::BITS, self.ipv4_bits) as u32;
                u128::from(address.to_ipv6_mapped()) & !u128::from(u32::MAX) | u128::from(bits)
            }
            IpAddr::V6(address) => u128::from(address) & mask(u128::BITS, self.ipv6_bits),
        }
    }
}

/// The first `bits` of `width` are ones.
const fn mask(width: u32, bits: u8) -> u128 {
    let all = u128::MAX >> (u128::BITS - width);
    match width.checked_sub(bits as u32) {
        None | Some(0) => all,
        Some(rest) if rest == width => 0,
        Some(rest) => all >> rest << rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bits: (u8, u8), address: &str) -> u128 {
        let (ipv4_bits, ipv6_bits) = bits;
        Prefixes { ipv4_bits, ipv6_bits }.key(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_prefix_are_one() {
        for (bits, one, other, same) in [
            ((32, 64), "192.0.2.1", "192.0.2.1", true),
            ((32, 64), "192.0.2.1", "192.0.2.2", false),
            ((24, 64), "192.0.2.1", "192.0.2.255", true),
            ((24, 64), "192.0.2.1", "192.0.3.1", false),
            ((1, 64), "127.0.0.1", "128.0.0.1", false),
            ((32, 64), "192.0.2.1", "::ffff:192.0.2.1", true),
            ((32, 64), "2001:db8::1", "2001:db8::ffff:1", true),
            ((32, 64), "2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ((32, 128), "2001:db8::1", "2001:db8::2", false),
            ((32, 1), "8000::", "ffff::", true),
            ((32, 64), "0.0.0.0", "::", false),
        ] {
            assert_eq!(key(bits, one) == key(bits, other), same, "{bits:?} {one} {other}");
        }
    }
}
