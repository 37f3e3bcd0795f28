//! IP addresses: ranges in a configuration, and which addresses may be fetched from when somebody else chose the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// One address, or a range such as `10.1.2.0/24` (CIDR).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Range {
    first: IpAddr,
    prefix: u8,
}

impl Range {
    /// Whether the address lies in it. An IPv4 address that arrives in IPv6 form counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix) == masked(self.first, self.prefix)
    }
    /// Whether an address lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }
    /// Whether it is more than a network: everything, or nearly.
    pub fn is_too_wide(&self) -> bool {
        self.prefix < if self.first.is_ipv4() { 8 } else { 32 }
    }
}

impl TryFrom<String> for Range {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "expected an IP address, or a range such as 10.1.2.0/24 that begins at its first address";
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(address, prefix)| (address, Some(prefix)));
        let first: IpAddr = address.parse().map_err(|_| WRONG)?;
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), |prefix| prefix.parse().map_err(|_| WRONG))?;
        let range = Self { first, prefix };
        if prefix > whole || first != first.to_canonical() || masked(first, prefix) != number(first) {
            return Err(WRONG);
        }
        Ok(range)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn masked(address: IpAddr, prefix: u8) -> u128 {
    number(address) & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// How an address may be fetched from (messaging.md, decisions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On the internet.
    Public,
    /// Of this machine or its network: only where a partner's own configuration says `"private": true`.
    Private,
    /// Never: link-local, among them the metadata addresses of clouds, and what is no host at all.
    Never,
}

/// What an address is. An IPv4 address inside an IPv6 one is judged as itself.
pub fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // Metadata addresses outside the link-local range.
        [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] | [169, 254, ..] | [0, ..] | [224..=255, ..] => Reach::Never,
        [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..] => Reach::Private,
        _ if address.is_private() || address.is_loopback() => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let embedded = |high: u16, low: u16| reach_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        _ if address.is_loopback() => Reach::Private,
        _ if address == AWS_METADATA => Reach::Never,
        // Teredo leads to a relay and past it, and a network's own NAT64 has its IPv4 address in one of several places: neither can be
        // judged (RFC 4380, 8215).
        [0x2001, 0, ..] | [0x64, 0xff9b, 1, ..] => Reach::Never,
        // The translated form (RFC 2765).
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low),
        // NAT64 and 6to4 lead to an IPv4 address, and so does the old compatible form (RFC 6052, 3056, 4291).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] | [0, 0, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0xfe80..=0xfebf, ..] | [0xff00..=0xffff, ..] => Reach::Never,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Result<Range, &'static str> {
        Range::try_from(text.to_owned())
    }

    #[test]
    fn a_range_holds_what_its_prefix_says() {
        let holds = |text: &str, address: &str| range(text).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.1.2.0/24", "10.1.2.0") && holds("10.1.2.0/24", "10.1.2.255"));
        assert!(!holds("10.1.2.0/24", "10.1.3.0") && !holds("10.1.2.0/24", "10.1.1.255"));
        assert!(holds("10.1.2.3", "10.1.2.3") && holds("10.1.2.3", "::ffff:10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::"));
        assert!(!holds("a00::/8", "10.1.2.3") && !holds("10.0.0.0/8", "a01::"));
        assert!(range("10.0.0.0/8").unwrap().overlaps(&range("10.1.2.3").unwrap()));
        assert!(!range("10.1.0.0/16").unwrap().overlaps(&range("10.2.0.0/16").unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "10.1.2", "10.1.2.3/24", "10.1.2.0/33", "10.1.2.0/", "10.1.2.0/-1", "host.test", "::/129", "::ffff:10.1.2.3"]
        {
            assert!(range(text).is_err(), "{text}");
        }
        for (text, wide) in
            [("0.0.0.0/0", true), ("10.0.0.0/7", true), ("10.0.0.0/8", false), ("::/0", true), ("2001:db8::/32", false)]
        {
            assert_eq!(range(text).unwrap().is_too_wide(), wide, "{text}");
        }
    }

    #[test]
    fn addresses_are_public_private_or_never() {
        let cases = [
            ("8.8.8.8", Reach::Public),
            ("2606:4700::1", Reach::Public),
            ("10.0.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("127.0.0.1", Reach::Private),
            ("::1", Reach::Private),
            ("fd12::1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("64:ff9b::a00:1", Reach::Private),
            ("169.254.169.254", Reach::Never),
            ("::ffff:169.254.169.254", Reach::Never),
            ("64:ff9b::a9fe:a9fe", Reach::Never),
            ("2002:a9fe:a9fe::1", Reach::Never),
            ("64:ff9b:1::a9fe:a9fe", Reach::Never),
            ("64:ff9b:1:a9fe:a9:fe00::", Reach::Never),
            ("::ffff:0:169.254.169.254", Reach::Never),
            ("::ffff:0:10.0.0.1", Reach::Private),
            ("2001::5601:5601", Reach::Never),
            ("2001::f5ff:fffe", Reach::Never),
            ("2001:0:a00:1::f7f7:f7f7", Reach::Never),
            ("2001:1::1", Reach::Public),
            ("fd00:ec2::254", Reach::Never),
            ("100.100.100.200", Reach::Never),
            ("168.63.129.16", Reach::Never),
            ("fe80::1", Reach::Never),
            ("0.0.0.0", Reach::Never),
            ("::", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("224.0.0.1", Reach::Never),
            ("ff02::1", Reach::Never),
        ];
        for (text, expected) in cases {
            assert_eq!(reach(text.parse().unwrap()), expected, "{text}");
        }
    }
}
