//! A probe as `kprobe_events` takes it (`Documentation/trace/kprobetrace.rst`).

/// A probe to define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The function.
    pub symbol: String,
    /// Where it is, if that is known: up to 6.1 the kernel goes through all its symbols to find one by its name,
    /// several times a definition.
    pub address: Option<u64>,
    /// At the function's return, with room for so many calls at once; at its entry without.
    pub maxactive: Option<u32>,
}

/// How a probe is put: the best first, then what older kernels take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// By address.
    Address,
    /// By name.
    Name,
    /// Before 4.12 there is no `maxactive`.
    NoRoom,
}

impl Probe {
    /// At the first instruction.
    #[must_use]
    pub fn entry(symbol: &str) -> Self {
        Self { symbol: symbol.to_owned(), address: None, maxactive: None }
    }

    /// At the return, with room for `maxactive` calls at once.
    #[must_use]
    pub fn ret(symbol: &str, maxactive: u32) -> Self {
        Self { maxactive: Some(maxactive), ..Self::entry(symbol) }
    }

    /// The event's name: symbols may hold dots, event names may not.
    #[must_use]
    pub fn event(&self) -> String {
        let kind = if self.maxactive.is_some() { 'r' } else { 'p' };
        format!("{kind}_{}", self.symbol.replace('.', "_"))
    }

    /// The line that defines it.
    #[must_use]
    pub fn definition(&self, group: &str, wording: Wording) -> String {
        let kind = match self.maxactive {
            Some(room) if wording != Wording::NoRoom => format!("r{room}"),
            Some(_) => "r".to_owned(),
            None => "p".to_owned(),
        };
        let place = match self.address {
            Some(address) if wording == Wording::Address => format!("{address:#x}"),
            _ => self.symbol.clone(),
        };
        format!("{kind}:{group}/{} {place}\n", self.event())
    }

    /// The wordings to try, in this order.
    #[must_use]
    pub fn wordings(&self) -> Vec<Wording> {
        let address = self.address.map(|_| Wording::Address);
        let no_room = self.maxactive.map(|_| Wording::NoRoom);
        address.into_iter().chain([Wording::Name]).chain(no_room).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Probe, Wording};

    #[test]
    fn definitions_are_the_kernels_syntax() {
        let ret = Probe::ret("sys_poll", 4096);
        assert_eq!(ret.definition("exitpath_7", Wording::Name), "r4096:exitpath_7/r_sys_poll sys_poll\n");
        assert_eq!(ret.definition("exitpath_7", Wording::NoRoom), "r:exitpath_7/r_sys_poll sys_poll\n");
        let entry = Probe::entry("f.isra.0");
        assert_eq!(entry.definition("exitpath_7", Wording::Name), "p:exitpath_7/p_f_isra_0 f.isra.0\n");
        let placed = Probe { address: Some(0xffff_ffff_8100_0010), ..entry };
        assert_eq!(
            placed.definition("exitpath_7", Wording::Address),
            "p:exitpath_7/p_f_isra_0 0xffffffff81000010\n"
        );
    }

    #[test]
    fn the_shortest_way_is_tried_first() {
        let named = Probe::ret("sys_poll", 4096);
        assert_eq!(named.wordings(), [Wording::Name, Wording::NoRoom]);
        let placed = Probe { address: Some(1), ..named };
        assert_eq!(placed.wordings(), [Wording::Address, Wording::Name, Wording::NoRoom]);
        assert_eq!(Probe::entry("f").wordings(), [Wording::Name]);
    }
}
