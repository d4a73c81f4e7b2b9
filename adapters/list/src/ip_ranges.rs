//! A set of IP addresses and ranges of them. IPv4 is a part of IPv6 here (`::ffff:0:0/96`), so that an IPv4
//! address is found however it is written.

use std::net::IpAddr;

use ipnet::IpNet;

/// Ranges that are sorted and do not touch.
#[derive(Debug, Default)]
pub(crate) struct IpRanges(Vec<(u128, u128)>);

impl IpRanges {
    pub(crate) fn new(entries: impl IntoIterator<Item = IpNet>) -> Self {
        let mut ranges: Vec<_> =
            entries.into_iter().map(|net| (number(net.network()), number(net.broadcast()))).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if previous.1 == u128::MAX || first <= previous.1 + 1 => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = number(address);
        let behind = self.0.partition_point(|(first, _)| *first <= address);
        behind.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| address <= *last)
    }
}

/// An entry: a range such as `10.0.0.0/8`, or one address.
pub(crate) fn parse(entry: &str) -> Option<IpNet> {
    let entry = entry.trim();
    match entry.contains('/') {
        true => entry.parse().ok(),
        false => entry.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests;
