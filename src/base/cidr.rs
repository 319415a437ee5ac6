//! A set of addresses by their first bits: `10.0.0.0/8`. Compiled once; owns no state.

use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// Of IPv6: an IPv4 address is the mapped one, whose first 96 bits all of them share.
    bits: u128,
    mask: u128,
}

impl Cidr {
    /// An address with the number of its bits that count, or one address. Bits that do not count
    /// may be anything, as in `127.0.0.1/8`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse::<u32>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return None;
        }
        let mask = u128::MAX.checked_shl(most - bits).unwrap_or(0);
        // Of a set of IPv4 addresses the mapping's prefix counts too.
        let mask = if most == 32 { mask | !u128::from(u32::MAX) } else { mask };
        Some(Self { bits: number(address) & mask, mask })
    }

    /// An IPv4 address in its IPv6 clothes is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & self.mask == self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

#[cfg(test)]
mod tests;
