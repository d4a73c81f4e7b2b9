//! Finds the rules whose condition may hold by the value of an attribute, so that ten thousand rules cost as
//! much as ten: of `a == "x" && …` nothing is evaluated unless `a` is `x`.

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use mixer_attribute::{Bag, Cell, Referenced, Slot};
use mixer_expr::{Literal, Program};

/// So many rules must share an attribute before it is indexed; fewer are simply evaluated.
const ENOUGH: usize = 8;

/// So many attributes are indexed at most: each costs a look-up per request.
const MOST_ATTRIBUTES: usize = 32;

/// The rules that compare one attribute with a literal.
#[derive(Debug)]
struct ByAttribute {
    slot: Slot,
    texts: HashMap<Box<[u8]>, Vec<u32>, RandomState>,
    others: HashMap<Literal, Vec<u32>, RandomState>,
    // For a value of another type than declared: whatever that means is for the evaluation to say.
    all: Vec<u32>,
}

/// All rules of a table.
#[derive(Debug, Default)]
pub(crate) struct Index {
    attributes: Vec<ByAttribute>,
    always: Vec<u32>,
}

impl Index {
    /// An index over the conditions of a table; `None` stands for one that always holds.
    pub(crate) fn new<'p>(programs: impl Iterator<Item = Option<&'p Program>>) -> Self {
        let mut open: Vec<(u32, Vec<(Slot, Literal)>)> = Vec::new();
        let mut always = Vec::new();
        for (position, program) in (0..).zip(programs) {
            let keys = program.map(Program::equalities).unwrap_or_default();
            if keys.is_empty() { always.push(position) } else { open.push((position, keys)) }
        }
        let mut attributes = Vec::new();
        while attributes.len() < MOST_ATTRIBUTES
            && let Some(slot) = best_attribute(&open)
        {
            attributes.push(ByAttribute::take(slot, &mut open));
        }
        always.extend(open.into_iter().map(|(position, _)| position));
        always.sort_unstable();
        Self { attributes, always }
    }

    /// Whether every rule must be evaluated anyway.
    pub(crate) fn is_trivial(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Adds the positions of the rules that may apply, in order.
    pub(crate) fn find(
        &self,
        bag: &Bag,
        referenced: &mut Referenced,
        found: &mut Vec<u32>,
        mut absent: impl FnMut(Slot),
    ) {
        found.extend_from_slice(&self.always);
        for attribute in &self.attributes {
            referenced.read(attribute.slot);
            match attribute.find(bag) {
                Some(positions) => found.extend_from_slice(positions),
                None => absent(attribute.slot),
            }
        }
        found.sort_unstable();
    }
}

impl ByAttribute {
    /// Takes the rules that compare this attribute.
    fn take(slot: Slot, open: &mut Vec<(u32, Vec<(Slot, Literal)>)>) -> Self {
        let mut taken = Self { slot, texts: HashMap::default(), others: HashMap::default(), all: Vec::new() };
        open.retain_mut(|(position, keys)| {
            let Some(at) = keys.iter().position(|(other, _)| *other == slot) else { return true };
            match keys.swap_remove(at).1 {
                Literal::Text(text) => taken.texts.entry(text).or_default().push(*position),
                key => taken.others.entry(key).or_default().push(*position),
            }
            taken.all.push(*position);
            false
        });
        taken
    }

    /// The rules for the attribute's value; `None` when it is absent.
    fn find(&self, bag: &Bag) -> Option<&[u32]> {
        let positions = match bag.cell(self.slot) {
            Cell::Absent => return None,
            Cell::Text(span) if !self.texts.is_empty() => self.texts.get(bag.bytes(span)),
            Cell::Int64(value) if self.texts.is_empty() => self.others.get(&Literal::Int64(value)),
            Cell::Bool(value) if self.texts.is_empty() => self.others.get(&Literal::Bool(value)),
            _ => Some(&self.all),
        };
        Some(positions.map_or(&[], Vec::as_slice))
    }
}

/// The attribute whose index leaves the fewest rules to evaluate; `None` when none is shared by enough rules or
/// tells them apart.
fn best_attribute(open: &[(u32, Vec<(Slot, Literal)>)]) -> Option<Slot> {
    let mut counts: HashMap<Slot, HashMap<&Literal, usize, RandomState>, RandomState> = HashMap::default();
    for (_, keys) in open {
        // Of two literals for one attribute the rule is found by the first.
        let mut seen: HashSet<Slot, RandomState> = HashSet::default();
        for (slot, key) in keys.iter().filter(|(slot, _)| seen.insert(*slot)) {
            *counts.entry(*slot).or_default().entry(key).or_default() += 1;
        }
    }
    let passed_over = |keys: &HashMap<&Literal, usize, RandomState>| {
        let rules: usize = keys.values().sum();
        let evaluated: usize = keys.values().map(|count| count * count).sum::<usize>() / rules.max(1);
        (rules >= ENOUGH && rules > evaluated).then(|| rules - evaluated)
    };
    let scored =
        counts.iter().filter_map(|(slot, keys)| Some((passed_over(keys)?, std::cmp::Reverse(*slot))));
    scored.max().map(|(_, std::cmp::Reverse(slot))| slot)
}

#[cfg(test)]
mod tests;
