//! Network ranges as `source` conditions write them: `10.0.0.0/8`, `2001:db8::/32`, or one address.
//!
//! Receives text and returns a range. An IPv4 address that arrives inside IPv6 (`::ffff:10.0.0.1`) counts as IPv4.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// All addresses that share a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Why a text is not a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NetworkError {
    #[error("is not an address range such as `10.0.0.0/8`")]
    Malformed,
    #[error("has bits set behind its prefix; the range is `{0}`")]
    HostBits(Network),
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::masked(address.to_canonical(), self.prefix) == Some(self.address)
    }

    /// The first and the last address of the range.
    pub fn ends(&self) -> [IpAddr; 2] {
        let last = match self.address {
            IpAddr::V4(first) => {
                let rest = u32::MAX.checked_shr(self.prefix).unwrap_or(0);
                IpAddr::V4((first.to_bits() | rest).into())
            }
            IpAddr::V6(first) => {
                let rest = u128::MAX.checked_shr(self.prefix).unwrap_or(0);
                IpAddr::V6((first.to_bits() | rest).into())
            }
        };
        [self.address, last]
    }

    /// The first address of the range around `address`; `None` when the prefix is longer than an address.
    fn masked(address: IpAddr, prefix: u32) -> Option<IpAddr> {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(prefix)?).unwrap_or(0);
                Some(IpAddr::V4((address.to_bits() & mask).into()))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(prefix)?).unwrap_or(0);
                Some(IpAddr::V6((address.to_bits() & mask).into()))
            }
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Malformed)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError::Malformed)?
            }
            Some(_) => return Err(NetworkError::Malformed),
        };
        let first = Self::masked(address, prefix).ok_or(NetworkError::Malformed)?;
        if first != address {
            return Err(NetworkError::HostBits(Self { address: first, prefix }));
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_its_addresses_only() {
        let table = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
        ];
        for (range, address, expected) in table {
            let range: Network = range.parse().unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), expected, "{range} {address}");
        }
    }

    #[test]
    fn a_range_ends_where_its_prefix_says() {
        let table = [
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.7"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (range, first, last) in table {
            let ends: [IpAddr; 2] = [first.parse().unwrap(), last.parse().unwrap()];
            assert_eq!(range.parse::<Network>().unwrap().ends(), ends, "{range}");
        }
    }

    #[test]
    fn a_range_is_written_one_way() {
        for text in ["10.0.0.0/33", "10.0.0/8", "10.0.0.0/+8", "10.0.0.0/", "010.0.0.0/8", "localhost", ""] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Malformed), "{text}");
        }
        let error = "10.1.2.3/8".parse::<Network>().unwrap_err();
        assert_eq!(error.to_string(), "has bits set behind its prefix; the range is `10.0.0.0/8`");
    }
}
